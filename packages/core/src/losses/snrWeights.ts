// Min-SNR-γ weighting of timesteps (Hang et al. 2023, "Efficient Diffusion Training via Min-SNR Weighting Strategy").
import type { NoiseSchedule } from '../contracts.ts';

/** Signal-to-noise ratio ᾱ/(1 − ᾱ) at a timestep. */
export function signalToNoise({ alphasCumprod }: NoiseSchedule, timestep: number): number {
  const alphaBar = alphasCumprod[timestep] ?? 0;
  return alphaBar / (1 - alphaBar);
}

/**
 * Weight of each picture's loss by its own timestep. min(SNR, γ) is divided by SNR where the network predicts noise
 * and by SNR + 1 where it predicts velocity, as in diffusers' text-to-image scripts and kohya's.
 * (train_dreambooth.py computes them over instance and class pictures together and multiplies the instance half with
 * all of them; here every part gets its own.)
 */
export function minSnrWeights(schedule: NoiseSchedule, timesteps: Int32Array, gamma: number): Float32Array {
  return Float32Array.from(timesteps, (timestep) => {
    const snr = signalToNoise(schedule, timestep);
    const clipped = Math.min(snr, gamma);
    if (schedule.predictionType === 'v_prediction') return clipped / (snr + 1);
    // At ᾱ = 0 (zero terminal SNR) the ratio's limit is 1.
    return snr === 0 ? 1 : clipped / snr;
  });
}
