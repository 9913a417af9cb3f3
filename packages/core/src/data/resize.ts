// Pillow's 8-bit resize (libImaging/Resample.c, 5.3 to 12.x), bit for bit, and torchvision's size arithmetic on it.
// Horizontal pass first, each pass rounded to 8 bits; Pillow 13 may swap the passes and so differs by some levels.
import type { RgbImage } from './rgbImage.ts';

export type Resample = 'box' | 'bilinear' | 'bicubic' | 'lanczos';

interface Kernel {
  readonly support: number;
  readonly weight: (x: number) => number;
}

const KERNELS: Record<Resample, Kernel> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -0.5 (OpenCV and torch's default is -0.75). */
function cubic(x: number): number {
  const a = -0.5;
  const distance = Math.abs(x);
  if (distance < 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * a;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

const FRACTION_BITS = 22;
const HALF = 1 << (FRACTION_BITS - 1);

/** For every output sample: where its window starts, how long it is, and its weights in 22-bit fixed point. */
interface Windows {
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** `[outputs, taps]` */
  readonly weights: Int32Array;
  readonly taps: number;
}

/** When shrinking, the kernel is widened by the scale (antialias). */
function windowsOf(inputs: number, outputs: number, { support, weight }: Kernel): Windows {
  const scale = inputs / outputs;
  const widening = Math.max(1, scale);
  const reach = support * widening;
  const taps = Math.ceil(reach) * 2 + 1;
  const starts = new Int32Array(outputs);
  const lengths = new Int32Array(outputs);
  const weights = new Int32Array(outputs * taps);
  const exact = new Float64Array(taps);
  for (let out = 0; out < outputs; out++) {
    const center = (out + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - reach + 0.5));
    const length = Math.min(inputs, Math.trunc(center + reach + 0.5)) - start;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      // multiplied by the reciprocal, as Pillow does: dividing rounds differently
      const value = weight((i + start - center + 0.5) * (1 / widening));
      exact[i] = value;
      sum += value;
    }
    for (let i = 0; i < length; i++) {
      const share = sum === 0 ? (exact[i] ?? 0) : (exact[i] ?? 0) / sum;
      weights[out * taps + i] = Math.trunc(share * 2 ** FRACTION_BITS + (share < 0 ? -0.5 : 0.5));
    }
    starts[out] = start;
    lengths[out] = length;
  }
  return { starts, lengths, weights, taps };
}

function clipToByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/* The two passes below are the hot loops: a 12-megapixel photo takes about 10^8 steps. `?? 0` would cost a third
   of the time there, and every index is inside its array by construction of the windows; hence the `!`. */
/* eslint-disable @typescript-eslint/no-non-null-assertion */

/** `[rows, inputs, channels]` to `[rows, outputs, channels]`. */
function resizeRows(
  source: Uint8Array,
  rows: number,
  inputs: number,
  outputs: number,
  channels: number,
  kernel: Kernel,
) {
  const { starts, lengths, weights, taps } = windowsOf(inputs, outputs, kernel);
  const result = new Uint8Array(rows * outputs * channels);
  for (let y = 0; y < rows; y++) {
    const row = y * inputs * channels;
    for (let out = 0; out < outputs; out++) {
      const from = row + starts[out]! * channels;
      const length = lengths[out]!;
      const target = (y * outputs + out) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        for (let i = 0, at = from + c, w = out * taps; i < length; i++, at += channels, w++) {
          sum = (sum + Math.imul(source[at]!, weights[w]!)) | 0;
        }
        result[target + c] = clipToByte(sum >> FRACTION_BITS);
      }
    }
  }
  return result;
}

/** `[inputs, stride]` to `[outputs, stride]`: a whole row is weighted at a time. */
function resizeColumns(source: Uint8Array, stride: number, inputs: number, outputs: number, kernel: Kernel) {
  const { starts, lengths, weights, taps } = windowsOf(inputs, outputs, kernel);
  const result = new Uint8Array(outputs * stride);
  const sums = new Int32Array(stride);
  for (let out = 0; out < outputs; out++) {
    sums.fill(HALF);
    for (let i = 0; i < lengths[out]!; i++) {
      const weight = weights[out * taps + i]!;
      const from = (starts[out]! + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] = sums[x]! + Math.imul(source[from + x]!, weight);
    }
    for (let x = 0; x < stride; x++) result[out * stride + x] = clipToByte(sums[x]! >> FRACTION_BITS);
  }
  return result;
}
/* eslint-enable @typescript-eslint/no-non-null-assertion */

/** Interleaved 8-bit samples `[height, width, channels]` to another size, as Pillow's `Image.resize` computes it. */
export function resizeSamples(
  samples: Uint8Array,
  from: { readonly width: number; readonly height: number; readonly channels: number },
  to: { readonly width: number; readonly height: number },
  resample: Resample,
): Uint8Array {
  const kernel = KERNELS[resample];
  const { channels } = from;
  const wide =
    to.width === from.width
      ? samples
      : resizeRows(samples, from.height, from.width, to.width, channels, kernel);
  if (to.height !== from.height)
    return resizeColumns(wide, to.width * channels, from.height, to.height, kernel);
  return wide === samples ? samples.slice() : wide;
}

/** A picture at another size; alpha is left behind. */
export function resizeImage(image: RgbImage, width: number, height: number, resample: Resample): RgbImage {
  return {
    width,
    height,
    data: resizeSamples(image.data, { ...image, channels: 3 }, { width, height }, resample),
  };
}
