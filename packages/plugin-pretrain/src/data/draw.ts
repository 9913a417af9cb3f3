// Which pictures a step sees: a pure function of (seed, step). The order of an epoch is kept while the epoch lasts;
// shuffling a hundred thousand numbers anew for every batch would take as long as the batch.
import { dataOrder, type Rng } from '@likeness/core';

/** Numbers of the pictures of a step. */
export type DrawPictures = (step: number, batchSize: number) => number[];

export function pictureOrder(numbers: readonly number[], rng: Rng, purpose: string): DrawPictures {
  const epochs = new Map<number, Int32Array>();
  const shuffle = (epoch: number): Int32Array => {
    const known = epochs.get(epoch);
    if (known) return known;
    const order = rng.stream(purpose, epoch, 0).shuffle(numbers.length);
    for (const old of epochs.keys()) if (old < epoch - 1) epochs.delete(old);
    epochs.set(epoch, order);
    return order;
  };
  return (step, batchSize) =>
    dataOrder(numbers.length, batchSize, step, shuffle).map((index) => numbers[index] ?? 0);
}

/** 8-bit RGB to [-1, 1], as core's `imageToPixels`. */
export function toUnitRange(bytes: Uint8Array): Float32Array {
  const pixels = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) pixels[i] = LEVELS[bytes[i] ?? 0] ?? 0;
  return pixels;
}

const LEVELS = Float32Array.from({ length: 256 }, (_, level) => {
  return Math.fround(Math.fround(Math.fround(level / 255) - 0.5) / 0.5);
});
