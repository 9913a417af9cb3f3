// What budgets are made of: steps and sizes follow from settings, seconds are measured once and kept in the matrix's
// folder, since the number of steps that follows from them is part of a cell's identity.
import { cacheKey, flagsFromSchema, resolvePlugins } from '@likeness/core';
import type { Costs, MatrixFolder } from '@likeness/ablation';
import { builtIns } from '../composition.ts';
import { trainedParametersOf } from '../run/estimate.ts';
import type { CommandCellWork } from './cellWork.ts';
import { measureStep } from './measureStep.ts';

/** Where measured seconds are kept. */
const BUDGET_FILE = 'budget.json';

export interface CostsOptions {
  readonly work: CommandCellWork;
  readonly folder: MatrixFolder;
  readonly cacheDir?: string | undefined;
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
}

export function costsOf({ work, folder, cacheDir, signal, note }: CostsOptions): Costs {
  return {
    stepsOf: async (values) => (await work.lookAt(values)).config.maxTrainSteps,
    trainedParametersOf: async (values) => trainedParametersOf(await work.lookAt(values)),
    optionsOf: async ({ recipe }) =>
      flagsFromSchema(await resolvePlugins(String(recipe), { builtIns, cwd: process.cwd() })),
    secondsPerStepOf: async (values) => {
      const prepared = await work.lookAt(values);
      const { recipe, trainBatchSize, gradientAccumulationSteps, resolution, mixedPrecision } =
        prepared.config;
      const { pluginOptions, pretrainedModel, threads, mode } = prepared.config;
      const key = `${recipe} ${cacheKey({
        trainBatchSize,
        gradientAccumulationSteps,
        resolution,
        mixedPrecision,
        pluginOptions,
        pretrainedModel,
        threads,
        mode,
      }).slice(0, 12)}`;
      const known = ((await folder.read(BUDGET_FILE)) ?? {}) as Readonly<Record<string, number>>;
      const before = known[key];
      if (before !== undefined) return before;
      note(`measuring a step of ${recipe}`);
      const { secondsPerStep } = await measureStep(await work.prepareRun(values), { cacheDir, signal });
      await folder.write(BUDGET_FILE, { ...known, [key]: secondsPerStep });
      return secondsPerStep;
    },
  };
}
