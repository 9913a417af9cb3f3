// Before the stages that compute: what trains is attached, every function of the run is traced and compiled into one
// program, and the base model's weights are loaded.
import { trainsWhatIsHeldInBf16 } from '../config/refusals.ts';
import type { Trainable } from '../contracts.ts';
import { ConfigError } from '../errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { createTrainFunctions, trainOptions } from '../training/trainFunctions.ts';
import { startMachine } from '../training/machine.ts';
import { attachTrainables, detachTrainables } from '../training/trainables.ts';
import { latentShapeOf, type PictureShape } from '../sampling/pictureFunctions.ts';
import { planFunctions } from './planFunctions.ts';
import { inRecordedModes } from './recordedModes.ts';
import { progressReporter, type RunSetting, type RunState } from './run.ts';

const DEFAULT_SAMPLE_BATCH = 4;

/** Whoever calls it closes the machine and detaches the trainables; when it fails, that has been done. */
export async function prepare(setting: RunSetting, dataset: Dataset): Promise<RunState> {
  const trainables = await attachTrainables(setting.container.trainables);
  try {
    return await prepareMachine(setting, dataset, trainables);
  } catch (error) {
    detachTrainables(trainables);
    throw error;
  }
}

async function prepareMachine(
  setting: RunSetting,
  dataset: Dataset,
  trainables: readonly Trainable[],
): Promise<RunState> {
  const { config, model, container, emit } = setting;
  const { prior } = container;
  const pictures: PictureShape = {
    resolution: config.resolution,
    batchSize: (prior?.target === 'frozen' ? undefined : prior?.sampleBatchSize) ?? DEFAULT_SAMPLE_BATCH,
  };
  const options = trainOptions({
    config,
    model,
    container,
    trainables,
    latentShape: latentShapeOf(model, config.resolution),
  });
  const [trained] = options.trainedBaseWeights ?? [];
  if (config.baseWeights === 'bf16' && trained !== undefined)
    throw new ConfigError(trainsWhatIsHeldInBf16(`the recipe (${trained})`), {
      code: 'config/invalid',
    });
  const train = createTrainFunctions(options);

  const { functions: planned, base } = planFunctions(setting, pictures, dataset.items.length);
  const trainRuns = config.maxTrainSteps * config.gradientAccumulationSteps;
  for (const [name, definition] of Object.entries(train.functions))
    planned[name] = { definition, expectedRuns: trainRuns };
  const functions = await inRecordedModes(planned, setting);

  const loading = progressReporter(setting, 'loading', 'tensors');
  const setup = progressReporter(setting, 'setup', 'bytes');
  const machine = await startMachine(
    {
      model,
      threads: config.threads,
      mode: config.mode,
      precision: config.mixedPrecision === 'bf16' ? 'bf16' : 'fp32',
      gradientCheckpointing: config.gradientCheckpointing,
      baseWeights: config.baseWeights,
      signal: setting.signal,
      onInstallProgress: ({ fraction = 0, message }) => {
        setup(Math.round(fraction * 1000), 1000, message);
      },
      onLoadProgress: loading,
      onCompile: (fn, seconds) => {
        const what = { function: fn, mode: 'xla' } as const;
        emit(
          seconds === undefined
            ? { type: 'compile-started', ...what }
            : { type: 'compile-finished', ...what, seconds },
        );
      },
    },
    functions,
  );
  const initial = new Map(
    trainables.flatMap(({ initialValues = new Map<string, Float32Array>() }) => [...initialValues]),
  );
  try {
    if (initial.size > 0) await machine.program.write(initial);
  } catch (error) {
    await machine.close();
    throw error;
  }
  const { identity: programIdentity } = machine.program.facts;
  const { modes, ...identity } = programIdentity;
  return {
    ...setting,
    machine,
    trainables,
    train,
    pictures,
    trainsTextEncoder: options.trainsTextEncoder,
    base,
    identityOf: (functions) => ({
      ...identity,
      ...(config.baseWeights === 'bf16' ? { baseWeights: 'bf16' } : {}),
      modes: Object.fromEntries(Object.entries(functions).map(([name, fn]) => [name, modes[fn]])),
    }),
    resumeIdentity: { ...setting.identity, program: programIdentity },
  };
}
