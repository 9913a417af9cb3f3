// Traced: from a batch to its losses and the gradients of everything that trains.
import { EngineError, float32, int32, tf } from '@likeness/engine';
import type { Tensor, TensorSpec } from '@likeness/engine';
import type { BatchPart, DiffusionModel, LossTerm, LossView, ParameterGroup } from '../contracts.ts';
import { PluginError } from '../errors.ts';
import { composeLosses } from '../losses/composeLosses.ts';
import { baseModel } from '../model/baseModel.ts';
import { gradientsOf, type LossAndGradients } from './parameterUpdate.ts';

/** What decides the loss of a batch. */
export interface BatchLossOptions {
  readonly model: DiffusionModel;
  readonly groups: readonly ParameterGroup[];
  readonly lossTerms: readonly LossTerm[];
  /** Instance pictures per gradient computation. */
  readonly batchSize: number;
  /** Whether as many rows of the class follow. */
  readonly withPrior: boolean;
  /** What their target is: what was fed, or (`frozen`) the frozen model's prediction. */
  readonly priorTarget?: 'generated' | 'frozen';
  /** The model's own weights that train: where there are any, there is no frozen model. */
  readonly trainedBaseWeights?: readonly string[];
  /** `[h, w, C]` */
  readonly latentShape: readonly [number, number, number];
  readonly trainsTextEncoder: boolean;
}

/** Inputs of one gradient computation. R = rows: instance pictures, then class pictures. */
export function batchInputs(options: BatchLossOptions): Record<string, TensorSpec> {
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
export function lossOf(
  options: BatchLossOptions,
  inputs: Readonly<Record<string, Tensor>>,
): ReturnType<typeof composeLosses> {
  const { model, batchSize, withPrior, trainsTextEncoder, lossTerms } = options;
  const input = (name: string): Tensor => {
    const tensor = inputs[name];
    if (tensor === undefined)
      throw new EngineError('a train step lacks an input', { code: 'engine/feeds', where: name });
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
    const { prediction: predicted, target, timestepWeights, mask } = all;
    let frozen: Tensor | undefined;
    return {
      prediction: rows(predicted),
      target: rows(target),
      timesteps: rows(timesteps),
      timestepWeights: rows(timestepWeights),
      mask: rows(mask),
      frozenPrediction: () =>
        (frozen ??= predictFrozen(options, {
          latents: rows(input('noisyLatents')),
          timesteps: rows(timesteps),
          prompts: rows(input(trainsTextEncoder ? 'inputIds' : 'hiddenStates')),
        })),
    };
  };
  const prior = withPrior ? part(batchSize) : undefined;
  const view: LossView = {
    instance: part(0),
    ...(prior
      ? { prior: options.priorTarget === 'frozen' ? { ...prior, target: prior.frozenPrediction() } : prior }
      : {}),
  };
  return composeLosses(lossTerms, view);
}

/** Traced: the frozen model on some rows. None of the variables that train is in it, so no gradient can flow. */
function predictFrozen(
  { model, trainsTextEncoder, trainedBaseWeights: trained = [] }: BatchLossOptions,
  { latents, timesteps, prompts }: Readonly<Record<'latents' | 'timesteps' | 'prompts', Tensor>>,
): Tensor {
  if (trained.length > 0) {
    throw new PluginError("a loss asks what the frozen model predicts, and the model's own weights train", {
      code: 'recipe/plugins-do-not-fit',
      expected: 'a method that trains adapters only (lora)',
      got: `${trained.length} weights of the model to be trained, ${trained[0] ?? ''} the first`,
    });
  }
  const { textEncoder, noisePredictor } = baseModel(model);
  return noisePredictor.predict(
    latents,
    timesteps,
    trainsTextEncoder ? textEncoder.encode(prompts) : prompts,
  );
}

/** Traced: the loss of a batch, every term, and the gradients of all trained variables. */
export function lossAndGradients(
  options: BatchLossOptions,
  inputs: Readonly<Record<string, Tensor>>,
): LossAndGradients {
  return gradientsOf(options.groups, () => lossOf(options, inputs));
}
