// Cells of a tiny model, for tests: real runs of core's pipeline that take a second. Two methods, class pictures to
// share, and an option that makes training diverge.
import { createHash } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  definePlugin,
  denoisingLoss,
  exportModel,
  lossCurve,
  modelFacts,
  readEvents,
  resolveConfig,
  runPipeline,
  tf,
  type LossTerm,
  type PipelineEvent,
  type Plugin,
  type Trainable,
} from '@likeness/core';
import { openTinyModel } from '@likeness/core/testing';
import { z } from 'zod';
import { prepareCell } from '../cells/cellId.ts';
import type { CellWork } from '../cells/cellWork.ts';

/** `model` and `pictures`, as `createTrial` has them; `worked.log` gets a line for each piece of work. */
export interface TinyWorkOptions {
  readonly folder: string;
}

const infinite: LossTerm = {
  name: 'infinite',
  weight: 1,
  compute: ({ instance }) => tf.div(denoisingLoss(instance), tf.zerosLike(instance.timestepWeights)),
};

const method = (name: string, learningRate: number): Plugin =>
  definePlugin({
    name,
    description: 'trains the whole network',
    options: z.strictObject({
      numClassImages: z.int().nonnegative().default(0).describe('class pictures'),
      diverges: z.boolean().default(false).describe('adds a loss term that is infinite'),
    }),
    setup: ({ numClassImages, diverges }, { prompts }) => ({
      defaults: { learningRate },
      trainsBaseWeights: true,
      trainable: ({ noisePredictor }): Trainable => ({
        groups: [
          {
            name: 'unet',
            variables: [...noisePredictor.parameters.entries().values()].map(({ variable }) => variable),
          },
        ],
        touches: ['unet'],
        export: (target) => exportModel(target, ['unet']),
        detach: () => undefined,
      }),
      lossTerms: diverges ? [infinite] : [],
      ...(numClassImages > 0
        ? { prior: { classPrompt: prompts.classPrompt ?? 'a thing', numClassImages, sampleBatchSize: 2 } }
        : {}),
    }),
  })();

export const tinyPlugins: Readonly<Record<string, Plugin>> = {
  slow: method('slow', 1e-3),
  fast: method('fast', 1e-2),
};

const SETTINGS = {
  classNoun: 'thing',
  trainBatchSize: 2,
  mode: 'graph',
  threads: 1,
  samples: false,
  numInferenceSteps: 2,
  checkpointingSteps: 1,
  checkpointsTotalLimit: 1,
};

export async function tinyWork({ folder }: TinyWorkOptions): Promise<CellWork> {
  const note = (line: string): Promise<void> => appendFile(join(folder, 'worked.log'), `${line}\n`);
  const resolve = async (values: Readonly<Record<string, unknown>>) => {
    const model = await openTinyModel(join(folder, 'model'));
    const plugin = tinyPlugins[String(values['recipe'])];
    const layers = [
      { name: 'tiny', values: { ...SETTINGS, instanceDataDir: join(folder, 'pictures') } },
      { name: 'matrix', values },
    ];
    return { model, ...resolveConfig({ plugins: plugin ? [plugin] : [], layers, model: modelFacts(model) }) };
  };
  return {
    prepare: async (request) => {
      const { model, config } = await resolve(request.values);
      return prepareCell(request, config, { model, machine: { tensorflow: 'tiny', device: 'cpu' } });
    },
    run: async (cell, { runFolder, resultFolder, cacheDir, signal, emit }) => {
      const { model, config, plugins } = await resolve(cell.request.values);
      await note(`start ${cell.id}`);
      const placed = {
        ...config,
        outputDir: runFolder,
        resume: 'latest',
        ...(cacheDir === undefined ? {} : { cacheDir }),
      };
      let last: PipelineEvent | undefined;
      await new Promise<void>((done, fail) => {
        runPipeline({ config: placed, plugins, model, signal }).subscribe({
          next: (event) => {
            last = event;
            emit(event);
          },
          error: fail,
          complete: done,
        });
      });
      if (last?.type === 'run-interrupted') throw signal.reason;
      const weights = await readFile(join(runFolder, 'export/unet/diffusion_pytorch_model.safetensors'));
      const hash = createHash('sha256').update(weights).digest('hex');
      await writeFile(join(resultFolder, 'records.jsonl'), `${hash}\n`);
      const loss = lossCurve(readEvents(runFolder)).at(-1)?.loss ?? NaN;
      await note(`done ${cell.id}`);
      return {
        outcome: { measures: { loss }, samples: [], exports: { unet: hash }, judges: {} },
        timing: { seconds: 1, peakMemoryBytes: 1e8 },
      };
    },
  };
}
