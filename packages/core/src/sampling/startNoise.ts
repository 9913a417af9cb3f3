// Where pictures start: standard normal latents by seed, ours or as torch's CPU generator draws them.
// Numbers are drawn in torch's order (channels first), so that `rng: 'torch'` starts as a diffusers run does.
import { createRng, torchGenerator } from '@likeness/engine';

export type NoiseSource = 'philox' | 'torch';

/** Noise of one picture: the start, then one draw per step for ancestral samplers. */
export interface PictureNoise {
  /** `[h, w, C]` flat */
  readonly start: Float32Array;
  /** `[h, w, C]` flat; steps in order. */
  step(step: number): Float32Array;
}

/** `[C, h, w]` → `[h, w, C]`. */
function channelsLast(
  values: Float32Array,
  [height, width, channels]: readonly [number, number, number],
): Float32Array {
  const pixels = height * width;
  return Float32Array.from(values, (_, i) => values[(i % channels) * pixels + Math.floor(i / channels)] ?? 0);
}

export function pictureNoise(
  seed: number,
  shape: readonly [number, number, number],
  source: NoiseSource,
): PictureNoise {
  const size = shape[0] * shape[1] * shape[2];
  if (source === 'torch') {
    const generator = torchGenerator(seed);
    const draw = (): Float32Array => channelsLast(generator.randn(size), shape);
    return { start: draw(), step: draw };
  }
  const rng = createRng(seed);
  return {
    start: channelsLast(rng.stream('latents', 0, 0).normal(size), shape),
    step: (step) => channelsLast(rng.stream('sampler', step, 0).normal(size), shape),
  };
}
