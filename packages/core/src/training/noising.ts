// The forward process on the host: noisy latents and targets of a batch. Exact float32, as torch computes it.
import type { NoiseSchedule } from '../contracts.ts';

const { fround, sqrt } = Math;

/** √ᾱ and √(1 − ᾱ) in float32. */
function coefficients({ alphasCumprod }: NoiseSchedule, timestep: number): [signal: number, noise: number] {
  const alphaBar = alphasCumprod[timestep] ?? 0;
  return [fround(sqrt(alphaBar)), fround(sqrt(fround(1 - alphaBar)))];
}

/** a · x + b · y per picture, a and b by its timestep. */
function mix(
  timesteps: Int32Array,
  x: Float32Array,
  y: Float32Array,
  weights: (timestep: number) => readonly [number, number],
): Float32Array {
  const size = x.length / timesteps.length;
  const result = new Float32Array(x.length);
  timesteps.forEach((timestep, item) => {
    const [a, b] = weights(timestep);
    for (let i = item * size; i < (item + 1) * size; i++) {
      result[i] = fround(a * (x[i] ?? 0)) + fround(b * (y[i] ?? 0));
    }
  });
  return result;
}

/** x_t = √ᾱ x₀ + √(1 − ᾱ) ε (Ho et al. 2020, eq. 4). Arrays hold one picture after the other. */
export function addNoise(
  schedule: NoiseSchedule,
  latents: Float32Array,
  noise: Float32Array,
  timesteps: Int32Array,
): Float32Array {
  return mix(timesteps, latents, noise, (timestep) => coefficients(schedule, timestep));
}

/** What the network should predict: ε, v = √ᾱ ε − √(1 − ᾱ) x₀ (Salimans & Ho 2022), or x₀. */
export function predictionTarget(
  schedule: NoiseSchedule,
  latents: Float32Array,
  noise: Float32Array,
  timesteps: Int32Array,
): Float32Array {
  switch (schedule.predictionType) {
    case 'epsilon':
      return noise;
    case 'sample':
      return latents;
    case 'v_prediction':
      return mix(timesteps, noise, latents, (timestep) => {
        const [signal, noisy] = coefficients(schedule, timestep);
        return [signal, -noisy];
      });
  }
}

/**
 * Noise offset: a share of the noise that is constant over each channel of a picture, so that training sees changes of
 * overall brightness (diffusers' `offset_noise`, kohya's `noise_offset`).
 * @param noise NHWC, `[B, h, w, C]` flat
 * @param constants standard normal, `[B, C]` flat
 */
export function offsetNoise(
  noise: Float32Array,
  constants: Float32Array,
  channels: number,
  batch: number,
  strength: number,
): Float32Array {
  const size = noise.length / batch;
  return noise.map((x, i) => {
    const item = Math.floor(i / size);
    return x + fround(strength * (constants[item * channels + (i % channels)] ?? 0));
  });
}

/** Input perturbation (Ning et al. 2023): noisier input, unchanged target. */
export function perturbNoise(noise: Float32Array, extra: Float32Array, strength: number): Float32Array {
  return noise.map((x, i) => x + fround(strength * (extra[i] ?? 0)));
}
