// How well pictures come back: measured and shown on held-out pictures, from the means of their latents.
import {
  defineFunction,
  float32,
  pixelsToImage,
  tf,
  type LatentCodec,
  type Program,
  type TypedData,
} from '@likeness/core';
import { toUnitRange } from '../data/draw.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { Look } from '../objective.ts';

export interface Measured {
  readonly pictures: PictureStore;
  /** Pictures in a call of `reconstruct`. */
  readonly together: number;
  readonly resolution: number;
  /** How many held-out pictures are looked at. */
  readonly limit: number;
}

/** Pictures a measure encodes together. */
export const MEASURED_TOGETHER = 16;
const SHOWN = 8;

/** Pixels `[together, resolution, resolution, 3]` to those that come back, and the distribution of their latents. */
export function reconstructing(latentCodec: LatentCodec, resolution: number, together: number) {
  return defineFunction({ pixels: float32(together, resolution, resolution, 3) }, ({ pixels }) => {
    const { mean, logvar } = latentCodec.encode(pixels);
    return { pixels: latentCodec.decode(mean), mean, variance: tf.exp(logvar) };
  });
}

interface Batch {
  /** How many of the rows count: the last batch is filled up. */
  readonly rows: number;
  readonly pixels: Float32Array;
  readonly outputs: Readonly<Record<string, TypedData>>;
}

async function* reconstructions(
  program: Program,
  { together, pictures }: Measured,
  numbers: readonly number[],
): AsyncGenerator<Batch> {
  for (let i = 0; i < numbers.length; i += together) {
    const own = numbers.slice(i, i + together);
    const filled = Array.from({ length: together }, (_, row) => own[row] ?? own[0] ?? 0);
    const pixels = toUnitRange(await pictures.read(filled));
    yield { rows: own.length, pixels, outputs: await program.run('reconstruct', { pixels }) };
  }
}

const heldOut = ({ pictures: { heldOut: held, training }, limit }: Measured): readonly number[] =>
  (held.length > 0 ? held : training).slice(0, limit);

/** Peak signal-to-noise ratio in dB: the mean over pictures, of values cut to [-1, 1]; and the mean absolute error. */
export async function measureReconstructions(
  program: Program,
  measured: Measured,
): Promise<Record<string, number>> {
  const size = measured.resolution ** 2 * 3;
  const decibels: number[] = [];
  let absolute = 0;
  for await (const { rows, pixels, outputs } of reconstructions(program, measured, heldOut(measured))) {
    const back = outputs['pixels'] ?? [];
    for (let row = 0; row < rows; row++) {
      let squares = 0;
      for (let i = row * size; i < (row + 1) * size; i++) {
        const error = Math.min(1, Math.max(-1, back[i] ?? 0)) - (pixels[i] ?? 0);
        squares += error * error;
        absolute += Math.abs(error);
      }
      decibels.push(10 * Math.log10(4 / Math.max(squares / size, 1e-12)));
    }
  }
  const count = decibels.length;
  return { psnr: decibels.reduce((sum, db) => sum + db, 0) / count, heldOutL1: absolute / (count * size) };
}

/** Held-out pictures above what came back of them. */
export async function lookAtReconstructions(program: Program, measured: Measured): Promise<Look> {
  const { resolution } = measured;
  const size = resolution ** 2 * 3;
  const rows = [
    { label: 'held-out pictures', pictures: [] as ReturnType<typeof pixelsToImage>[] },
    { label: 'reconstructed', pictures: [] as ReturnType<typeof pixelsToImage>[] },
  ] as const;
  for await (const batch of reconstructions(program, measured, heldOut(measured).slice(0, SHOWN))) {
    for (let row = 0; row < batch.rows; row++) {
      const cut = (values: Float32Array): ReturnType<typeof pixelsToImage> =>
        pixelsToImage(values.subarray(row * size, (row + 1) * size), resolution, resolution);
      rows[0].pictures.push(cut(batch.pixels));
      rows[1].pictures.push(cut(batch.outputs['pixels'] as Float32Array));
    }
  }
  return { rows, samples: [] };
}

/** Pictures whose latents say how far latents spread. */
const SPREAD_PICTURES = 1024;

/**
 * Standard deviation of drawn latents over training pictures: the scaling factor is one over it, so that what the
 * noise predictor sees has unit variance (Rombach et al. 2022, appendix G).
 */
export async function latentSpread(program: Program, measured: Measured): Promise<number> {
  let [count, sum, squares] = [0, 0, 0];
  const numbers = measured.pictures.training.slice(0, SPREAD_PICTURES);
  for await (const { rows, outputs } of reconstructions(program, measured, numbers)) {
    const { mean = new Float32Array(), variance = new Float32Array() } = outputs;
    const size = (mean.length / measured.together) * rows;
    for (let i = 0; i < size; i++) {
      const value = mean[i] ?? 0;
      sum += value;
      squares += value * value + (variance[i] ?? 0);
    }
    count += size;
  }
  return Math.sqrt(squares / count - (sum / count) ** 2);
}
