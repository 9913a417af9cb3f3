// Time, memory and disk of a run before it starts: parameter counts are exact, layers are counted by tracing the
// networks for their shapes only, the machine's speed is measured for a moment. An estimate, and called so.
import { freemem, totalmem } from 'node:os';
import { tf, type DiffusionModel, type ModelComponent, type Trainable } from '@likeness/core';
import {
  cacheDir as userCacheDir,
  defineFunction,
  float32,
  int32,
  largestValueBytes,
  traceShapes,
} from '@likeness/engine';
import type { DiskNeed } from './diskSpace.ts';
import { matrixFlopsPerSecond } from './machineSpeed.ts';
import type { PreparedRun } from './prepareRun.ts';

export interface RunEstimate {
  readonly parameters: number;
  readonly trainedParameters: number;
  readonly seconds: number;
  readonly secondsPerStep: number;
  readonly priorSeconds: number;
  /** Of a sampled picture. */
  readonly secondsPerPicture: number;
  readonly memoryBytes: number;
  readonly machineMemoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly checkpoints: number;
  readonly checkpointBytes: number;
  readonly exportBytes: number;
  readonly diskBytes: number;
}

/** What one picture costs in a network. */
export interface LayerCosts {
  /** Multiplications and additions of its linear and convolution layers. */
  readonly flops: number;
  /** Sum over the layers' inputs, float32: what a backward pass has to keep, roughly. */
  readonly activationBytes: number;
  /** Its largest value: attention scores, at the usual resolutions. */
  readonly largestBytes: number;
}

/** Share of the matrix-product peak that a whole step reaches; measured on the bundled model. */
const EFFICIENCY = 0.45;
/** Norms, activations and attention keep about as much again as the layers' inputs. */
const KEPT_BESIDE_LAYERS = 2.5;
/** Of the largest value, its gradient and what lies between: checkpointing leaves those of one layer. */
const LARGEST_AT_ONCE = 3;
/** With bf16, XLA keeps some of a frozen model's rounded weights between forward and backward pass. */
const ROUNDED_BYTES_PER_FROZEN = 1.5;
/** TensorFlow itself, and what XLA takes to compile. */
const BASE_MEMORY_BYTES = 1.4e9;

/** @param speed multiplications and additions a second of matrix products; measured where it is not given */
export async function estimateRun(
  { config, plugins, model }: PreparedRun,
  speed?: number,
): Promise<RunEstimate> {
  const costs = noisePredictorCosts(model, config.resolution);
  const setups = plugins.map(({ contributions }) => contributions);
  const trainedParameters = await trainedParametersOf({ config, plugins, model });
  const parameters = parametersOfModel(model);

  const prior = setups.find((contributions) => contributions.prior !== undefined)?.prior;
  const rows = config.trainBatchSize * (prior === undefined ? 1 : 2);
  const flopsPerSecond = (speed ?? (await matrixFlopsPerSecond(config.threads))) * EFFICIENCY;
  // The backward pass costs twice the forward one; recomputing costs another forward.
  const passes = config.gradientCheckpointing ? 4 : 3;
  const secondsPerStep = (passes * rows * config.gradientAccumulationSteps * costs.flops) / flopsPerSecond;
  const secondsPerPicture =
    ((config.guidanceScale > 1 ? 2 : 1) * config.numInferenceSteps * costs.flops) / flopsPerSecond;
  const classPictures = prior?.target === 'frozen' ? 0 : (prior?.numClassImages ?? 0);
  const priorSeconds = classPictures * secondsPerPicture;
  const looks = config.samples ? 1 + Math.ceil(config.maxTrainSteps / config.sampleEverySteps) : 0;
  const sampleSeconds = looks * config.samplePrompts.length * config.numSamples * secondsPerPicture;

  const kept =
    costs.activationBytes * KEPT_BESIDE_LAYERS * rows * (config.gradientCheckpointing ? 0.2 : 1) +
    costs.largestBytes * LARGEST_AT_ONCE * rows;
  const rounded =
    config.mixedPrecision === 'bf16' ? ROUNDED_BYTES_PER_FROZEN * (parameters - trainedParameters) : 0;
  const perTrained = trainedBytes(config);
  const { checkpoints, checkpointBytes, exportBytes } = filesOf(
    { config, plugins },
    parameters,
    trainedParameters,
  );
  return {
    parameters,
    trainedParameters,
    secondsPerStep,
    priorSeconds,
    secondsPerPicture,
    seconds: secondsPerStep * config.maxTrainSteps + priorSeconds + sampleSeconds,
    memoryBytes:
      BASE_MEMORY_BYTES +
      (config.baseWeights === 'bf16' ? 2 : 4) * parameters +
      perTrained * trainedParameters +
      rounded +
      kept,
    machineMemoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    checkpoints,
    checkpointBytes,
    exportBytes,
    diskBytes: checkpoints * checkpointBytes + exportBytes,
  };
}

/** Bytes of a trained number: itself, the optimizer's two means, its average. */
const trainedBytes = ({ emaDecay }: Pick<PreparedRun['config'], 'emaDecay'>): number =>
  4 + 8 + (emaDecay === undefined ? 0 : 4);

/** What a run writes into its folder, samples apart. */
function filesOf(
  { config, plugins }: Pick<PreparedRun, 'config' | 'plugins'>,
  parameters: number,
  trainedParameters: number,
): Pick<RunEstimate, 'checkpoints' | 'checkpointBytes' | 'exportBytes'> {
  // Adapters and words are files of their own; whoever trains the model's weights writes all of them.
  const exported = plugins.some(({ contributions }) => contributions.trainsBaseWeights === true)
    ? parameters
    : trainedParameters;
  return {
    checkpointBytes: trainedParameters * trainedBytes(config),
    checkpoints: Math.min(
      Math.ceil(config.maxTrainSteps / config.checkpointingSteps),
      config.checkpointsTotalLimit ?? Number.POSITIVE_INFINITY,
    ),
    exportBytes: exported * (config.exportDtype === 'fp32' ? 4 : 2),
  };
}

/** PNG files of pictures hardly shrink. */
const BYTES_PER_PIXEL = 3;

/** What a run will write, and where: its own folder, and the cache. */
export async function diskNeeds(
  { config, plugins, model }: PreparedRun,
  runsRoot: string,
): Promise<DiskNeed[]> {
  const parameters = parametersOfModel(model);
  const trained = await trainedParametersOf({ config, plugins, model });
  const { checkpoints, checkpointBytes, exportBytes } = filesOf({ config, plugins }, parameters, trained);
  const picture = config.resolution ** 2 * BYTES_PER_PIXEL;
  const prior = plugins.map(({ contributions }) => contributions.prior).find((one) => one !== undefined);
  const classPictures = prior === undefined || prior.target === 'frozen' ? 0 : prior.numClassImages;
  return [
    {
      folder: config.outputDir ?? runsRoot,
      // A checkpoint is written before the oldest leaves.
      bytes: (checkpoints + 1) * checkpointBytes + exportBytes,
      what: 'checkpoints and export',
    },
    { folder: config.cacheDir ?? userCacheDir(), bytes: classPictures * picture, what: 'class pictures' },
  ];
}

/** How many numbers a run trains: what trains is attached, counted and taken away. */
export async function trainedParametersOf({
  config,
  plugins,
  model,
}: Pick<PreparedRun, 'config' | 'plugins' | 'model'>): Promise<number> {
  const names = plugins.map(({ plugin }) => plugin.name);
  const context = { prompts: config.prompts, seed: config.seed, plugins: names };
  const trainables: Trainable[] = [];
  for (const { contributions } of plugins)
    if (contributions.trainable) trainables.push(await contributions.trainable(model, context));
  const trained = new Set(
    trainables.flatMap(({ groups }) => groups.flatMap(({ variables }) => [...variables])),
  );
  for (const trainable of trainables.toReversed()) trainable.detach();
  return [...trained].reduce((sum, { size }) => sum + size, 0);
}

/** Costs of the noise predictor for one picture, counted layer by layer while it is traced. */
export function noisePredictorCosts(
  { noisePredictor, latentCodec, textEncoder }: DiffusionModel,
  resolution: number,
): LayerCosts {
  const side = resolution / latentCodec.downsampleFactor;
  const { parameters, latentChannels } = noisePredictor;
  const prediction = defineFunction(
    {
      latents: float32(1, side, side, latentChannels),
      timesteps: int32(1),
      states: float32(1, textEncoder.maxLength, textEncoder.hiddenSize),
    },
    ({ latents, timesteps, states }) => ({
      prediction: noisePredictor.predict(latents, tf.cast(timesteps, 'float32'), states),
    }),
  );
  const largestBytes = largestValueBytes(prediction);
  let flops = 0;
  let activationBytes = 0;
  const detach = [...parameters.layerPaths().keys()].map((path) =>
    parameters.attach(path, ({ kind, input, weight, base }) => {
      const output = base();
      if (kind === 'linear') flops += (2 * input.size * weight.size) / (input.shape.at(-1) ?? 1);
      if (kind === 'conv2d') flops += (2 * output.size * weight.size) / (output.shape.at(-1) ?? 1);
      activationBytes += 4 * input.size;
      return output;
    }),
  );
  try {
    traceShapes(prediction);
  } finally {
    for (const take of detach.toReversed()) take();
  }
  return { flops, activationBytes, largestBytes };
}

function parametersOfModel({ noisePredictor, latentCodec, textEncoder }: DiffusionModel): number {
  return [noisePredictor, latentCodec, textEncoder].reduce(
    (sum, component) => sum + parametersOf(component),
    0,
  );
}

/** Numbers of a network. */
export function parametersOf({ tensors }: ModelComponent): number {
  return [...tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}
