// How well noise is predicted for pictures nobody trained on: over all timesteps, and at given ones with the true and
// with a wrong caption. A model that reads its captions predicts better with the true one; the gap opens long before
// samples show anything, first at high noise.
import type { Program, Rng } from '@likeness/core';
import type { Feeds } from '../objective.ts';

interface DrawnRows {
  readonly latents: Float32Array;
  readonly noise: Float32Array;
  readonly timesteps: Int32Array;
}

export interface NoiseMeasures {
  /** Pictures measured on. */
  readonly numbers: readonly number[];
  /** Row of the table of captions for a picture. */
  captionOf(number: number): number;
  /** The same for the wrong caption of the picture at a place of `numbers`. */
  wrongOf(place: number): number;
  /** Packed latents of pictures. */
  latentsOf(numbers: readonly number[]): Promise<Float32Array>;
  /** Captions as the noise predictor's functions take them. */
  textFeeds(texts: readonly number[]): Promise<Feeds>;
  drawLatents(records: Float32Array, noise: Float32Array): Float32Array;
  noisy(rows: DrawnRows): { readonly noisyLatents: Float32Array; readonly target: Float32Array };
  readonly rng: Rng;
  /** Numbers in a picture's latents. */
  readonly size: number;
  readonly batchSize: number;
  readonly timesteps: readonly number[];
  readonly numTrainTimesteps: number;
}

/** The same pictures, noise and timesteps every time: `heldOutLoss`, `true.t850`, `wrong.t850`, … */
export async function measureNoisePredictor(
  program: Program,
  measured: NoiseMeasures,
): Promise<Record<string, number>> {
  const { numbers, numTrainTimesteps, captionOf, wrongOf, timesteps } = measured;
  const spread = (place: number): number => Math.floor(((place + 0.5) / numbers.length) * numTrainTimesteps);
  const isTrue = (place: number): number => captionOf(numbers[place] ?? 0);
  const measures: Record<string, number> = { heldOutLoss: await meanLoss(program, measured, spread, isTrue) };
  for (const timestep of timesteps) {
    measures[`true.t${timestep}`] = await meanLoss(program, measured, () => timestep, isTrue);
    measures[`wrong.t${timestep}`] = await meanLoss(program, measured, () => timestep, wrongOf);
  }
  return measures;
}

async function meanLoss(
  program: Program,
  measured: NoiseMeasures,
  timestepOf: (place: number) => number,
  textOf: (place: number) => number,
): Promise<number> {
  const { numbers, rng, size, batchSize } = measured;
  let sum = 0;
  for (let first = 0; first < numbers.length; first += batchSize) {
    const count = Math.min(batchSize, numbers.length - first);
    // The last batch is filled up with its first row.
    const places = Array.from({ length: batchSize }, (_, row) => first + (row < count ? row : 0));
    const [records, text] = await Promise.all([
      measured.latentsOf(places.map((place) => numbers[place] ?? 0)),
      measured.textFeeds(places.map(textOf)),
    ]);
    const normal = (purpose: string): Float32Array =>
      rng.stream(`measure.${purpose}`, 0, first).normal(batchSize * size);
    const timesteps = Int32Array.from(places, timestepOf);
    const rows = {
      latents: measured.drawLatents(records, normal('posterior')),
      noise: normal('noise'),
      timesteps,
    };
    const { losses = [] } = await program.run('lossOfEach', {
      ...measured.noisy(rows),
      timesteps,
      ...text,
    });
    for (let row = 0; row < count; row++) sum += losses[row] ?? Number.NaN;
  }
  return sum / numbers.length;
}
