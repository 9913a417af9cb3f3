// Noise levels in the form of Karras et al. (EDM, https://arxiv.org/abs/2206.00364): sigma² = (1 - ā) / ā.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { linspace } from './timesteps.ts';

const { fround } = Math;
const RHO = 7;
/** Stands in for ā = 0, which has no finite sigma, at the last timestep of a zero-SNR schedule. */
const SMALLEST_ALPHA_CUMPROD = 2 ** -24;

/** What a sampler defined by sigmas runs through; `sigmas` has one more, the level after the last step. */
export interface SigmaWalk {
  readonly timesteps: number[];
  readonly sigmas: Float32Array;
}

export interface SigmaStep {
  /** What the image's and the noise's share are in a sample of variance one: `alpha² + sigma² = 1`. */
  readonly alpha: number;
  readonly sigma: number;
  /** log(alpha / sigma), half the log of the signal-to-noise ratio; Infinity without noise. */
  readonly lambda: number;
}

/** Sigma of every training timestep, ascending, rounded where the reference holds a float32. */
export function trainingSigmas({ alphasCumprod, config }: NoiseSchedule): Float32Array {
  const last = alphasCumprod.length - 1;
  return alphasCumprod.map((alphaCumprod, t) => {
    const kept = t === last && config.rescale_betas_zero_snr ? SMALLEST_ALPHA_CUMPROD : alphaCumprod;
    return Math.sqrt(fround(fround(1 - kept) / kept));
  });
}

/** Linear interpolation of the table at timesteps that may be fractional. */
export function sigmasAt(table: Float32Array, timesteps: readonly number[]): number[] {
  return timesteps.map((timestep) => {
    const clamped = Math.min(Math.max(timestep, 0), table.length - 1);
    const low = Math.floor(clamped);
    const below = table[low] ?? NaN;
    const above = table[low + 1] ?? below;
    return below + (above - below) * (clamped - low);
  });
}

/** EDM eq. 5: descending sigmas, evenly spaced in sigma^(1/7). */
export function karrasSigmas(sigmaMin: number, sigmaMax: number, numInferenceSteps: number): number[] {
  const low = sigmaMin ** (1 / RHO);
  const high = sigmaMax ** (1 / RHO);
  return linspace(0, 1, numInferenceSteps).map((ramp) => (high + ramp * (low - high)) ** RHO);
}

/** The fractional timestep at which the ascending table has this sigma, interpolated in its logarithm. */
export function sigmaToTimestep(sigma: number, table: Float32Array): number {
  const logSigma = Math.log(Math.max(sigma, 1e-10));
  const logAt = (index: number) => fround(Math.log(table[index] ?? NaN));
  let low = 0;
  while (low + 2 < table.length && logAt(low + 1) <= logSigma) low += 1;
  const weight = (logAt(low) - logSigma) / (logAt(low) - logAt(low + 1));
  const clipped = Math.min(Math.max(weight, 0), 1);
  return (1 - clipped) * low + clipped * (low + 1);
}

/** The variance-preserving form of a sigma. */
export function sigmaStep(sigma: number): SigmaStep {
  const alpha = 1 / Math.sqrt(sigma * sigma + 1);
  return { alpha, sigma: sigma * alpha, lambda: -Math.log(sigma) };
}
