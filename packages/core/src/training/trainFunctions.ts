// The traced functions of training: prediction, loss composition, gradients, clipping, optimizer, moving average.
// Nothing here runs: `compile` turns each function into one program.
import { defineFunction, EngineError, float32, int32, tf } from '@likeness/engine';
import type { FunctionDefinition, Tensor, TensorSpec, Variable } from '@likeness/engine';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { BatchPart, DiffusionModel, LossTerm, LossView, Trainable } from '../contracts.ts';
import type { RunContainer } from '../di/runContainer.ts';
import { composeLosses } from '../losses/composeLosses.ts';
import {
  createParameterUpdate,
  gradientsOf,
  shadowsOf,
  type LossAndGradients,
  type ParameterUpdateOptions,
} from './parameterUpdate.ts';

export interface TrainFunctionsOptions extends ParameterUpdateOptions {
  readonly model: DiffusionModel;
  readonly lossTerms: readonly LossTerm[];
  /** Instance pictures per gradient computation. */
  readonly batchSize: number;
  /** Whether as many class pictures follow. */
  readonly withPrior: boolean;
  /** `[h, w, C]` */
  readonly latentShape: readonly [number, number, number];
  readonly trainsTextEncoder: boolean;
  readonly accumulationSteps: number;
}

export interface TrainFunctions {
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
  /** Names of the variables to keep in a checkpoint beside the parameters: optimizer state, moving averages. */
  readonly state: readonly string[];
  /** Names of all trained variables, in order. */
  readonly trained: readonly string[];
  /** Name of a trained variable's moving average, when EMA is on. */
  readonly averageOf: ReadonlyMap<string, string>;
  /** Gives back the variables made for training: optimizer state, averages, gradient sums. */
  dispose(): void;
}

/** What a run's config and plugins say about its train functions. */
export function trainOptions({
  config,
  model,
  container,
  trainables,
  latentShape,
}: {
  readonly config: ResolvedConfig;
  readonly model: DiffusionModel;
  readonly container: RunContainer;
  readonly trainables: readonly Trainable[];
  readonly latentShape: readonly [number, number, number];
}): TrainFunctionsOptions {
  return {
    model,
    groups: trainables.flatMap(({ groups }) => groups),
    lossTerms: container.lossTerms,
    optimizer: container.optimizer,
    batchSize: config.trainBatchSize,
    withPrior: container.prior !== undefined,
    latentShape,
    trainsTextEncoder: trainables.some(({ touches }) => touches.includes('text_encoder')),
    accumulationSteps: config.gradientAccumulationSteps,
    maxGradNorm: config.maxGradNorm,
    ...(config.emaDecay === undefined ? {} : { emaDecay: config.emaDecay }),
  };
}

/** Inputs of one gradient computation. R = rows: instance pictures, then class pictures. */
export function batchInputs(options: TrainFunctionsOptions): Record<string, TensorSpec> {
  const { model, batchSize, withPrior, latentShape, trainsTextEncoder } = options;
  const rows = withPrior ? 2 * batchSize : batchSize;
  const [height, width] = latentShape;
  const { maxLength, hiddenSize } = model.textEncoder;
  return {
    noisyLatents: float32(rows, ...latentShape),
    target: float32(rows, ...latentShape),
    timesteps: int32(rows),
    timestepWeights: float32(rows),
    mask: float32(rows, height, width),
    ...(trainsTextEncoder
      ? { inputIds: int32(rows, maxLength) }
      : { hiddenStates: float32(rows, maxLength, hiddenSize) }),
  };
}

/** Traced: loss terms of a batch. */
function lossOf(
  options: TrainFunctionsOptions,
  inputs: Readonly<Record<string, Tensor>>,
): ReturnType<typeof composeLosses> {
  const { model, batchSize, withPrior, trainsTextEncoder, lossTerms } = options;
  const input = (name: string): Tensor => {
    const tensor = inputs[name];
    if (tensor === undefined) throw new EngineError('a train step lacks an input', { where: name });
    return tensor;
  };
  const timesteps = tf.cast(input('timesteps'), 'float32');
  const hiddenStates = trainsTextEncoder
    ? model.textEncoder.encode(input('inputIds'))
    : input('hiddenStates');
  const prediction = model.noisePredictor.predict(input('noisyLatents'), timesteps, hiddenStates);
  const all = {
    prediction,
    target: input('target'),
    timesteps,
    timestepWeights: input('timestepWeights'),
    mask: tf.expandDims(input('mask'), -1),
  };
  const part = (first: number): BatchPart => {
    const rows = (tensor: Tensor): Tensor =>
      withPrior
        ? tf.slice(
            tensor,
            [first, ...tensor.shape.slice(1).map(() => 0)],
            [batchSize, ...tensor.shape.slice(1)],
          )
        : tensor;
    const entries = Object.entries(all).map(([key, tensor]) => [key, rows(tensor)]);
    return Object.fromEntries(entries) as unknown as BatchPart;
  };
  const view: LossView = { instance: part(0), ...(withPrior ? { prior: part(batchSize) } : {}) };
  return composeLosses(lossTerms, view);
}

/** Traced: the loss of a batch, every term, and the gradients of all trained variables. */
export function lossAndGradients(
  options: TrainFunctionsOptions,
  inputs: Readonly<Record<string, Tensor>>,
): LossAndGradients {
  return gradientsOf(options.groups, () => lossOf(options, inputs));
}

/** Builds `trainStep`, or `accumulate` and `applyGradients` when gradients of several batches are averaged. */
export function createTrainFunctions(options: TrainFunctionsOptions): TrainFunctions {
  const { groups, accumulationSteps } = options;
  const update = createParameterUpdate(options);
  const { scalars, trained, state, averageOf } = update;
  const variables = groups.flatMap((group) => group.variables);
  const sums = accumulationSteps > 1 ? shadowsOf('gradient', variables) : new Map<Variable, Variable>();
  const dispose = (): void => {
    update.dispose();
    for (const sum of sums.values()) sum.dispose();
  };

  if (accumulationSteps === 1) {
    const trainStep = defineFunction({ ...batchInputs(options), ...scalars }, (inputs) => {
      const { outputs, gradients } = lossAndGradients(options, inputs);
      return { ...outputs, gradientNorm: update.apply(gradients, inputs) };
    });
    return { functions: { trainStep }, state, trained, averageOf, dispose };
  }
  const sumOf = (variable: Variable): Variable => {
    const sum = sums.get(variable);
    if (sum === undefined)
      throw new EngineError('a trained variable has no gradient sum', { where: variable.name });
    return sum;
  };
  const accumulate = defineFunction(batchInputs(options), (inputs) => {
    const { outputs, gradients } = lossAndGradients(options, inputs);
    gradients.flat().forEach((gradient, i) => {
      const variable = variables[i];
      if (variable) sumOf(variable).assign(tf.add(sumOf(variable), tf.div(gradient, accumulationSteps)));
    });
    return outputs;
  });
  const applyGradients = defineFunction(scalars, (inputs) => {
    const gradients = groups.map((group) => group.variables.map((variable) => tf.add(sumOf(variable), 0)));
    const gradientNorm = update.apply(gradients, inputs);
    for (const sum of sums.values()) sum.assign(tf.zerosLike(sum));
    return { gradientNorm };
  });
  return { functions: { accumulate, applyGradients }, state, trained, averageOf, dispose };
}
