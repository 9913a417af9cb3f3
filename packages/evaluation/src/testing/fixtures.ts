// Where the reference's numbers lie, and how they lie.
import { fileURLToPath } from 'node:url';

/** The folder `evaluation` of the fixtures. */
export const FIXTURES: string = fileURLToPath(new URL('../../../../fixtures/evaluation', import.meta.url));

/** `[H, W, C]` → `[C, H, W]`, torch's order. */
export function channelsFirst(values: Float32Array, channels = 3): Float32Array {
  const area = values.length / channels;
  return Float32Array.from(values, (_, i) => values[(i % area) * channels + Math.floor(i / area)] ?? NaN);
}

/** `[C, H, W]` → `[H, W, C]`. */
export function channelsLast(values: Float32Array, channels = 3): Float32Array {
  const area = values.length / channels;
  return Float32Array.from(values, (_, i) => values[(i % channels) * area + Math.floor(i / channels)] ?? NaN);
}
