// Draws the batch of a step: which pictures, which noise, which timesteps. A pure function of (seed, step), so resuming
// needs no state, and every method sees the same noise at the same step.
import type { Rng } from '@likeness/engine';
import type { NoiseSchedule } from '../contracts.ts';
import { dataOrder } from '../data/dataOrder.ts';
import { minSnrWeights } from '../losses/snrWeights.ts';
import { addNoise, offsetNoise, perturbNoise, predictionTarget } from './noising.ts';

/** One encoded picture. */
export interface EncodedPicture {
  /** Variants with other crops or flips; one when pictures are not augmented. */
  readonly variants: readonly {
    /** Mean and standard deviation of the latents before scaling, `[h, w, C]` flat. */
    readonly mean: Float32Array;
    readonly std: Float32Array;
    /** Loss weight per latent pixel, `[h, w]` flat. */
    readonly mask?: Float32Array;
  }[];
  /** Rows of `EncodedData.prompts`, of which every draw takes one. */
  readonly prompts: readonly number[];
}

/** Pictures of one part of the batch. */
export interface EncodedPart {
  readonly pictures: readonly EncodedPicture[];
}

export interface EncodedPrompt {
  readonly text: string;
  /** `[T]` */
  readonly ids: Int32Array;
  /** `[T, D]`; absent when the text encoder trains. */
  readonly hiddenStates?: Float32Array;
}

export interface EncodedData {
  readonly instance: EncodedPart;
  readonly prior?: EncodedPart;
  readonly prompts: readonly EncodedPrompt[];
  readonly scalingFactor: number;
  /** `[h, w, C]` */
  readonly latentShape: readonly [number, number, number];
}

export interface BatchOptions {
  readonly batchSize: number;
  readonly schedule: NoiseSchedule;
  readonly snrGamma?: number;
  readonly noiseOffset: number;
  readonly inputPerturbation: number;
}

/** What a train step is fed: instance pictures first, then as many class pictures. R rows in all. */
export interface Batch {
  readonly noisyLatents: Float32Array;
  readonly target: Float32Array;
  readonly timesteps: Int32Array;
  readonly timestepWeights: Float32Array;
  /** `[R, h, w]` */
  readonly mask: Float32Array;
  /** Row of `EncodedData.prompts` for each row. */
  readonly prompts: readonly number[];
}

/**
 * The batch of one gradient computation.
 * @param microStep counts every gradient computation: step × accumulation steps + index within the step
 */
export function drawBatch(data: EncodedData, options: BatchOptions, rng: Rng, microStep: number): Batch {
  const parts = [drawPart('instance', data.instance, data, options, rng, microStep)];
  if (data.prior) parts.push(drawPart('prior', data.prior, data, options, rng, microStep));
  const joined = (key: 'noisyLatents' | 'target' | 'timestepWeights' | 'mask'): Float32Array =>
    concatFloats(parts.map((part) => part[key]));
  return {
    noisyLatents: joined('noisyLatents'),
    target: joined('target'),
    timestepWeights: joined('timestepWeights'),
    mask: joined('mask'),
    timesteps: Int32Array.from(parts.flatMap((part) => [...part.timesteps])),
    prompts: parts.flatMap((part) => part.prompts),
  };
}

/** What was drawn for some rows of a batch; arrays hold one picture after the other, NHWC. */
export interface DrawnRows {
  /** Scaled. */
  readonly latents: Float32Array;
  readonly noise: Float32Array;
  /** The noise the network is shown, when it differs from the one it is to find (input perturbation). */
  readonly inputNoise?: Float32Array;
  readonly timesteps: Int32Array;
}

/** From drawn numbers to what the network is shown, what it should answer and how much each row counts. */
export function noisedRows(
  { latents, noise, inputNoise = noise, timesteps }: DrawnRows,
  schedule: NoiseSchedule,
  snrGamma?: number,
): Pick<Batch, 'noisyLatents' | 'target' | 'timesteps' | 'timestepWeights'> {
  return {
    noisyLatents: addNoise(schedule, latents, inputNoise, timesteps),
    target: predictionTarget(schedule, latents, noise, timesteps),
    timesteps,
    timestepWeights:
      snrGamma === undefined
        ? new Float32Array(timesteps.length).fill(1)
        : minSnrWeights(schedule, timesteps, snrGamma),
  };
}

function drawPart(
  name: 'instance' | 'prior',
  { pictures }: EncodedPart,
  { latentShape, scalingFactor }: EncodedData,
  { batchSize, schedule, snrGamma, noiseOffset, inputPerturbation }: BatchOptions,
  rng: Rng,
  microStep: number,
): Batch {
  const [height, width, channels] = latentShape;
  const size = height * width * channels;
  const order = dataOrder(pictures.length, batchSize, microStep, (epoch) =>
    rng.stream(`${name}.order`, epoch, 0).shuffle(pictures.length),
  );
  const draws = (purpose: string, count: number): Float32Array =>
    rng.stream(`${name}.${purpose}`, microStep, 0).normal(count);
  const variantDraws = rng.stream(`${name}.variant`, microStep, 0).uniform(batchSize);
  const promptDraws = rng.stream(`${name}.prompt`, microStep, 0).uniform(batchSize);

  const chosen = order.map((index, row) => {
    const picture = pictures[index];
    const variant = picture?.variants[Math.floor((variantDraws[row] ?? 0) * picture.variants.length)];
    const prompt = picture?.prompts[Math.floor((promptDraws[row] ?? 0) * picture.prompts.length)];
    if (variant === undefined || prompt === undefined)
      throw new Error('the data order names a picture that is not there');
    return { prompt, ...variant };
  });
  const posterior = draws('posterior', batchSize * size);
  const latents = new Float32Array(batchSize * size);
  chosen.forEach(({ mean, std }, row) => {
    for (let i = 0; i < size; i++) {
      const at = row * size + i;
      latents[at] = ((mean[i] ?? 0) + (std[i] ?? 0) * (posterior[at] ?? 0)) * scalingFactor;
    }
  });
  const plain = draws('noise', batchSize * size);
  const noise =
    noiseOffset > 0
      ? offsetNoise(plain, draws('offset', batchSize * channels), channels, batchSize, noiseOffset)
      : plain;
  const inputNoise =
    inputPerturbation > 0
      ? perturbNoise(noise, draws('perturbation', batchSize * size), inputPerturbation)
      : noise;
  const timesteps = rng
    .stream(`${name}.timesteps`, microStep, 0)
    .integers(batchSize, 0, schedule.numTrainTimesteps);
  return {
    ...noisedRows({ latents, noise, inputNoise, timesteps }, schedule, snrGamma),
    mask: concatFloats(chosen.map(({ mask }) => mask ?? new Float32Array(height * width).fill(1))),
    prompts: chosen.map(({ prompt }) => prompt),
  };
}

export function concatFloats(arrays: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    result.set(array, offset);
    offset += array.length;
  }
  return result;
}
