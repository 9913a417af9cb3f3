// Before the stages that compute: every function of the run is traced and compiled into one program - a step for each
// kind of loss, and what measures and samples need - and the model's weights are loaded.
import {
  baseWeights,
  createParameterUpdate,
  defineFunction,
  gradientsOf,
  progressReporter,
  startMachine,
  type ParameterUpdate,
  type PlannedFunction,
} from '@likeness/core';
import { trainingOf } from '../config.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { Objective } from '../objective.ts';
import type { TrainingConfig } from '../schema.ts';
import type { ComputeSetting, Prepared } from './context.ts';

/** Whoever calls it closes the machine and disposes of the update; when it fails, that has been done. */
export async function prepare<Setting extends ComputeSetting>(
  setting: Setting,
  pictures: PictureStore,
  objective: Objective,
): Promise<Prepared<Setting>> {
  const { config, network, model, emit } = setting;
  const training = trainingOf(config, network);
  const update = createParameterUpdate(updateOptions(objective, training));
  const setup = progressReporter(setting, 'setup', 'bytes');
  try {
    const machine = await startMachine(
      {
        model,
        threads: config.threads,
        mode: config.mode,
        precision: config.mixedPrecision === 'bf16' ? 'bf16' : 'fp32',
        gradientCheckpointing: false,
        onInstallProgress: ({ fraction = 0, message }) => {
          setup(Math.round(fraction * 1000), 1000, message);
        },
        onLoadProgress: progressReporter(setting, 'loading', 'tensors'),
        onCompile: (fn, seconds) => {
          const what = { function: fn, mode: 'xla' } as const;
          emit(
            seconds === undefined
              ? { type: 'compile-started', ...what }
              : { type: 'compile-finished', ...what, seconds },
          );
        },
      },
      { ...objective.functions, ...stepFunctions(objective, update, training.maxTrainSteps) },
    );
    const state = { ...setting, pictures, objective, machine, update };
    await loadFirstWeights(state);
    return state;
  } catch (error) {
    update.dispose();
    throw error;
  }
}

function updateOptions(
  { groups }: Objective,
  training: TrainingConfig,
): Parameters<typeof createParameterUpdate>[0] {
  return {
    groups,
    optimizer: {
      name: training.optimizer,
      beta1: training.adamBeta1,
      beta2: training.adamBeta2,
      epsilon: training.adamEpsilon,
      weightDecay: training.adamWeightDecay,
    },
    maxGradNorm: training.maxGradNorm,
    ...(training.emaDecay > 0 ? { emaDecay: training.emaDecay } : {}),
  };
}

/** Name of the function that takes a step of a loss. */
export const stepName = (loss: string): string => `${loss}Step`;

/** A compiled step for each kind of loss; they share variables and optimizer. */
function stepFunctions(
  { losses, groups }: Objective,
  update: ParameterUpdate,
  maxTrainSteps = Infinity,
): Record<string, PlannedFunction> {
  const functions: Record<string, PlannedFunction> = {};
  for (const [name, { inputs, compute, share }] of Object.entries(losses)) {
    const definition = defineFunction({ ...inputs, ...update.scalars }, (fed) => {
      const { outputs, gradients } = gradientsOf(groups, () => compute(fed));
      return { ...outputs, gradientNorm: update.apply(gradients, fed) };
    });
    functions[stepName(name)] = { definition, expectedRuns: maxTrainSteps * share };
  }
  if (update.swapAverages) functions['swapAverages'] = { definition: update.swapAverages, expectedRuns: 1 };
  return functions;
}

/** Weights of the model's files and of variables no file holds, for the averages as well; optimizer state is zero. */
export async function loadFirstWeights({
  machine: { program },
  model,
  update,
  objective,
}: Prepared<ComputeSetting>): Promise<void> {
  const averageName = (name: string): string => update.averageOf.get(name) ?? name;
  await program.zero(update.state);
  await program.load(baseWeights(model, program));
  await program.load(baseWeights(model, program, averageName));
  const own = [...objective.initialValues];
  const values = new Map([...own, ...own.map(([name, value]) => [averageName(name), value] as const)]);
  if (values.size > 0) await program.write(values);
}
