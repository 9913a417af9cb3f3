// The traced functions between text, latents and pictures. Fixed batch shapes: the same pictures whatever else is made.
import { defineFunction, float32, int32, tf, type FunctionDefinition, type Tensor } from '@likeness/engine';
import type { DiffusionModel } from '../contracts.ts';

export interface PictureShape {
  /** Side of the pictures, pixels. */
  readonly resolution: number;
  /** Pictures sampled together. */
  readonly batchSize: number;
}

/** The functions that make pictures, by the names a program has them under. */
export interface PictureFunctions {
  readonly encodePrompt: string;
  readonly predict: string;
  readonly predictGuided: string;
  readonly decodeLatents: string;
}

/** Of the model as it stands, adapters and all. */
export const PICTURE_FUNCTIONS: PictureFunctions = {
  encodePrompt: 'encodePrompt',
  predict: 'predict',
  predictGuided: 'predictGuided',
  decodeLatents: 'decodeLatents',
};

/** `[h, w, C]` of a picture's latents. */
export function latentShapeOf(model: DiffusionModel, resolution: number): [number, number, number] {
  const side = resolution / model.latentCodec.downsampleFactor;
  return [side, side, model.noisePredictor.latentChannels];
}

/** Posterior of a picture's latents, before scaling. One picture a call. */
export function encodePicture(model: DiffusionModel, resolution: number): FunctionDefinition {
  return defineFunction({ pixels: float32(1, resolution, resolution, 3) }, ({ pixels }) => {
    const { mean, logvar } = model.latentCodec.encode(pixels);
    return { mean, std: tf.exp(tf.mul(tf.clipByValue(logvar, -30, 20), 0.5)) };
  });
}

/** Hidden states `[1, T, D]` of one prompt. */
export function encodePrompt({ textEncoder }: DiffusionModel): FunctionDefinition {
  return defineFunction({ inputIds: int32(1, textEncoder.maxLength) }, ({ inputIds }) => ({
    hiddenStates: textEncoder.encode(inputIds),
  }));
}

/** Predictions of a batch, all at one timestep. */
export function predict(model: DiffusionModel, { resolution, batchSize }: PictureShape): FunctionDefinition {
  const { maxLength, hiddenSize } = model.textEncoder;
  return defineFunction(
    {
      latents: float32(batchSize, ...latentShapeOf(model, resolution)),
      timestep: float32(),
      hiddenStates: float32(batchSize, maxLength, hiddenSize),
    },
    ({ latents, timestep, hiddenStates }) => ({
      prediction: model.noisePredictor.predict(latents, repeated(timestep, batchSize), hiddenStates),
    }),
  );
}

/**
 * Classifier-free guidance (Ho & Salimans 2022): prediction without the prompt, plus the scaled difference that the
 * prompt makes. Both halves run as one batch of 2B.
 */
export function predictGuided(
  model: DiffusionModel,
  { resolution, batchSize }: PictureShape,
): FunctionDefinition {
  const { maxLength, hiddenSize } = model.textEncoder;
  const latentShape = latentShapeOf(model, resolution);
  return defineFunction(
    {
      latents: float32(batchSize, ...latentShape),
      timestep: float32(),
      hiddenStates: float32(batchSize, maxLength, hiddenSize),
      negativeHiddenStates: float32(batchSize, maxLength, hiddenSize),
      guidanceScale: float32(),
    },
    ({ latents, timestep, hiddenStates, negativeHiddenStates, guidanceScale }) => {
      const both = model.noisePredictor.predict(
        tf.concat([latents, latents], 0),
        repeated(timestep, 2 * batchSize),
        tf.concat([negativeHiddenStates, hiddenStates], 0),
      );
      const [without, withPrompt] = tf.split(both, 2, 0) as [Tensor, Tensor];
      return { prediction: tf.add(without, tf.mul(guidanceScale, tf.sub(withPrompt, without))) };
    },
  );
}

/** Pictures of a batch of latents, `[B, H, W, 3]` in about [-1, 1]. */
export function decodeLatents(
  model: DiffusionModel,
  { resolution, batchSize }: PictureShape,
): FunctionDefinition {
  return defineFunction(
    { latents: float32(batchSize, ...latentShapeOf(model, resolution)) },
    ({ latents }) => ({
      pixels: model.latentCodec.decode(tf.div(latents, model.latentCodec.scalingFactor)),
    }),
  );
}

const repeated = (timestep: Tensor, batch: number): Tensor => tf.mul(tf.ones([batch]), timestep);
