// Training losses against a folder of reference numbers: DreamBooth's two means, Min-SNR, offset noise, input
// perturbation, masks. The folder's format: fixtures/README.md, `losses/`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  addNoise,
  composeLosses,
  instanceLoss,
  minSnrWeights,
  offsetNoise,
  perturbNoise,
  shrinkMask,
  signalToNoise,
  type BatchPart,
  type LossTerm,
  type LossView,
  type PredictionType,
} from '@likeness/core';
import {
  compile,
  defineFunction,
  float32,
  tf,
  type FunctionDefinition,
  type TypedData,
} from '@likeness/engine';
import { priorPreservationTerm } from '@likeness/plugin-dreambooth';
import { z } from 'zod';
import { createNoiseSchedule, type NoiseSchedule } from '../schedule/index.ts';
import { compareArrays, notCovered, type Comparison, type Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';
import type { ParityModel, ParityRuntime } from './parityModel.ts';
import { toChannelsFirst, toChannelsLast } from './pixelLayout.ts';

const weighted = z.object({ loss: z.number().nullable(), weights: z.array(z.number().nullable()) });
const description = z.object({
  expected: z.object({
    dreambooth: z.object({
      instance: z.number(),
      prior: z.number(),
      total: z.record(z.string(), z.number()),
    }),
    min_snr: z.record(z.string(), weighted),
    dreambooth_min_snr: z.object({
      gamma: z.number(),
      prior_loss_weight: z.number(),
      instance_weighted: z.number(),
      prior_unweighted: z.number(),
      total: z.number(),
    }),
    noise: z.object({ noise_offset: z.number(), input_perturbation: z.number() }),
    masked: z.object({ kohya_mean: z.number() }),
  }),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
});
type Expected = z.infer<typeof description>['expected'];

/** What a loss folder's checks share. */
interface Losses {
  readonly want: (name: string) => FixtureTensor;
  readonly tolerance: Tolerance;
  readonly runtime: ParityRuntime;
  readonly schedule: NoiseSchedule;
}

/** All comparisons of a `losses` folder. */
export async function* checkLosses(
  folder: string,
  { files }: ParityModel,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  // Python writes 0 / 0, which Min-SNR gives where no signal is left, as a bare word.
  const text = (await readFile(join(folder, 'losses.json'), 'utf8')).replace(/\bNaN\b/g, 'null');
  const { expected, tolerance } = description.parse(JSON.parse(text));
  const path = join(folder, 'losses.safetensors');
  const tensors = await readFixture(path);
  const losses: Losses = {
    want: (name) => fixtureTensor(tensors, name, path),
    tolerance,
    runtime,
    schedule: createNoiseSchedule(files.scheduler as Record<string, unknown>, files.schedulerFile),
  };
  yield* checkPriorPreservation(expected.dreambooth, losses);
  yield* checkMinSnr(expected.min_snr, losses);
  yield* checkMinSnrWithPrior(expected.dreambooth_min_snr, losses);
  yield* checkNoise(expected.noise, losses);
  yield* checkMask(expected.masked, losses);
  yield notCovered('masked.normalised_by_mask', "masks weigh as kohya's do: the mean is over all elements");
  yield notCovered('other.l1, other.huber', 'the loss is the squared error, as in the papers');
  yield notCovered('other.debiased_weights', 'timesteps are weighted by Min-SNR only');
}

/** Rows `[first, first + count)` of prediction, target and what weighs them. */
interface Rows {
  readonly first: number;
  readonly count: number;
  readonly timestepWeights?: Float32Array;
  readonly mask?: Float32Array;
}

/** Runs loss terms on rows of `<name>.model_pred` and `<name>.target`, as a train step composes them. */
async function lossesOf(
  name: string,
  terms: readonly LossTerm[],
  parts: { readonly instance: Rows; readonly prior?: Rows },
  { want, runtime: { engine, mode } }: Losses,
): Promise<Record<string, TypedData>> {
  const [prediction, target] = [want(`${name}.model_pred`), want(`${name}.target`)];
  const [rows = 0, channels = 0, height = 0, width = 0] = prediction.shape;
  const feeds: Record<string, TypedData> = {
    prediction: toChannelsLast(prediction.data, prediction.shape),
    target: toChannelsLast(target.data, target.shape),
  };
  const specs: Record<string, ReturnType<typeof float32>> = {
    prediction: float32(rows, height, width, channels),
    target: float32(rows, height, width, channels),
  };
  for (const [key, { count, timestepWeights, mask }] of Object.entries(parts)) {
    specs[`${key}.weights`] = float32(count);
    specs[`${key}.mask`] = float32(count, height, width, 1);
    feeds[`${key}.weights`] = timestepWeights ?? new Float32Array(count).fill(1);
    feeds[`${key}.mask`] = mask ?? new Float32Array(count * height * width).fill(1);
  }
  const loss: FunctionDefinition = defineFunction(specs, (inputs) => {
    const input = (key: string) => inputs[key] ?? tf.scalar(NaN);
    const partOf = (key: string, { first, count }: Rows): BatchPart => ({
      prediction: tf.slice(input('prediction'), [first, 0, 0, 0], [count, -1, -1, -1]),
      target: tf.slice(input('target'), [first, 0, 0, 0], [count, -1, -1, -1]),
      timesteps: tf.zeros([count]),
      timestepWeights: input(`${key}.weights`),
      mask: input(`${key}.mask`),
      frozenPrediction: () => {
        throw new Error('these losses are of numbers without a model');
      },
    });
    const view: LossView = {
      instance: partOf('instance', parts.instance),
      ...(parts.prior ? { prior: partOf('prior', parts.prior) } : {}),
    };
    const { total, terms: means } = composeLosses(terms, view);
    return { total, ...Object.fromEntries(means) };
  });
  const program = await compile({ loss }, { engine, mode });
  const results = await program.run('loss', feeds);
  await program.dispose();
  return results;
}

async function* checkPriorPreservation(
  { instance, prior, total }: Expected['dreambooth'],
  losses: Losses,
): AsyncIterable<Comparison> {
  const [rows = 0] = losses.want('prior.model_pred').shape;
  const half = rows / 2;
  const parts = { instance: { first: 0, count: half }, prior: { first: half, count: half } };
  for (const [index, [weight, wanted]] of Object.entries(total).entries()) {
    const term = priorPreservationTerm(Number(weight));
    const got = await lossesOf('prior', [instanceLoss, term], parts, losses);
    if (index === 0) {
      yield scalar('dreambooth.instance', got['instance'], instance, losses);
      yield scalar('dreambooth.prior', got[term.name], prior, losses);
    }
    yield scalar(`dreambooth.total, weight ${weight}`, got['total'], wanted, losses);
  }
}

async function* checkMinSnr(rows: Expected['min_snr'], losses: Losses): AsyncIterable<Comparison> {
  const { want, schedule, tolerance } = losses;
  const timesteps = Int32Array.from(want('min_snr.timesteps').data);
  const snr = [...timesteps].map((timestep) => signalToNoise(schedule, timestep));
  yield compareArrays('min_snr.snr', snr, want('min_snr.snr').data, tolerance);
  for (const [name, { loss, weights }] of Object.entries(rows)) {
    const [, gamma, kind] = /^gamma([\d.]+)\.(\w+)$/.exec(name) ?? [];
    const predictionType = (['epsilon', 'v_prediction'] as const).find((known) => known === kind);
    if (predictionType === undefined || gamma === undefined) {
      yield notCovered(
        `min_snr.${name}`,
        'train_dreambooth.py adds 1 after the division; other scripts divide by it',
      );
      continue;
    }
    const got = weightsFor(schedule, predictionType, timesteps, Number(gamma));
    if (loss === null || weights.includes(null)) {
      yield notCovered(`min_snr.${name}`, 'the reference divides 0 by 0 where no signal is left');
      continue;
    }
    const wanted = weights.map((weight) => weight ?? NaN);
    yield compareArrays(`min_snr.${name}.weights`, got, wanted, tolerance);
    const part = { first: 0, count: timesteps.length, timestepWeights: got };
    const { total } = await lossesOf('min_snr', [instanceLoss], { instance: part }, losses);
    yield scalar(`min_snr.${name}.loss`, total, loss, losses);
  }
}

const weightsFor = (
  schedule: NoiseSchedule,
  predictionType: PredictionType,
  timesteps: Int32Array,
  gamma: number,
): Float32Array => minSnrWeights({ ...schedule, predictionType }, timesteps, gamma);

/** The reference's class half is not weighted; a run of ours weights every row by its own timestep. */
async function* checkMinSnrWithPrior(
  wanted: Expected['dreambooth_min_snr'],
  losses: Losses,
): AsyncIterable<Comparison> {
  const timesteps = Int32Array.from(losses.want('min_snr.timesteps').data);
  const half = Math.floor(timesteps.length / 2);
  const timestepWeights = weightsFor(losses.schedule, 'epsilon', timesteps.subarray(0, half), wanted.gamma);
  const term = priorPreservationTerm(wanted.prior_loss_weight);
  const parts = {
    instance: { first: 0, count: half, timestepWeights },
    prior: { first: half, count: timesteps.length - half },
  };
  const got = await lossesOf('min_snr', [instanceLoss, term], parts, losses);
  const note = 'class half unweighted, as the reference has it';
  const name = 'dreambooth_min_snr';
  yield scalar(`${name}.instance_weighted`, got['instance'], wanted.instance_weighted, losses);
  yield { ...scalar(`${name}.prior`, got[term.name], wanted.prior_unweighted, losses), note };
  yield scalar(`${name}.total`, got['total'], wanted.total, losses);
}

function* checkNoise(
  { noise_offset: offset, input_perturbation: perturbation }: Expected['noise'],
  { want, schedule, tolerance }: Losses,
): Iterable<Comparison> {
  const shape = want('noise.noise').shape;
  const [batch = 0, channels = 0] = shape;
  const read = (name: string): Float32Array => toChannelsLast(want(`noise.${name}`).data, shape);
  const compare = (name: string, got: Float32Array): Comparison =>
    compareArrays(`noise.${name}`, toChannelsFirst(got, shape), want(`noise.${name}`).data, tolerance);
  const constants = Float32Array.from(want('noise.offset_noise').data);
  yield compare('with_offset', offsetNoise(read('noise'), constants, channels, batch, offset));
  const perturbed = perturbNoise(read('noise'), read('perturbation'), perturbation);
  yield compare('perturbed', perturbed);
  const timesteps = Int32Array.from(want('noise.timesteps').data);
  yield compare('noisy_from_perturbed', addNoise(schedule, read('latents'), perturbed, timesteps));
  yield notCovered('noise.with_adaptive_offset', 'offset noise has one strength for all pictures');
}

async function* checkMask(
  { kohya_mean: mean }: Expected['masked'],
  losses: Losses,
): AsyncIterable<Comparison> {
  const { want, tolerance } = losses;
  const [mask, small] = [want('mask.mask'), want('mask.mask_latent')];
  const [batch = 0, side = 0, width = 0] = mask.shape;
  const [, , latentSide = 0, latentWidth = 0] = small.shape;
  if (side !== width || latentSide !== latentWidth) {
    yield notCovered('masked', 'training pictures are square');
    return;
  }
  const shrunk = Array.from({ length: batch }, (_, i) => [
    ...shrinkMask(
      Float32Array.from(mask.data).subarray(i * side * side, (i + 1) * side * side),
      side,
      latentSide,
    ),
  ]).flat();
  yield compareArrays('mask.mask_latent', shrunk, small.data, tolerance);
  const part = { first: 0, count: batch, mask: Float32Array.from(shrunk) };
  const { total } = await lossesOf('mask', [instanceLoss], { instance: part }, losses);
  yield scalar('masked.kohya_mean', total, mean, losses);
}

const scalar = (
  name: string,
  got: ArrayLike<number> | undefined,
  want: number,
  { tolerance }: Losses,
): Comparison => compareArrays(name, got ?? [], [want], tolerance);
