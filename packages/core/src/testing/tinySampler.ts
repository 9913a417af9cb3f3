// DDIM (Song et al. 2021, eq. 12, η = 0) in its shortest form.
import type { NoiseSchedule, SampleRequest } from '../contracts.ts';

export const TINY_SAMPLER = 'ddim';

/** @returns latents, flat NHWC */
export async function tinySample(
  { numTrainTimesteps, alphasCumprod, predictionType }: NoiseSchedule,
  { numInferenceSteps, latents, denoise, onStep, signal }: SampleRequest,
): Promise<Float32Array> {
  let sample = latents;
  const stride = Math.floor(numTrainTimesteps / numInferenceSteps);
  for (let step = 0; step < numInferenceSteps; step++) {
    signal?.throwIfAborted();
    const timestep = (numInferenceSteps - 1 - step) * stride;
    const alpha = alphasCumprod[timestep] ?? 1;
    const next = timestep < stride ? 1 : (alphasCumprod[timestep - stride] ?? 1);
    const [signalPart, noisePart] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
    const output = await denoise(sample, timestep);
    sample = sample.map((x, i) => {
      const y = output[i] ?? 0;
      const clean =
        predictionType === 'sample'
          ? y
          : predictionType === 'epsilon'
            ? (x - noisePart * y) / signalPart
            : signalPart * x - noisePart * y;
      // The untrained network's guesses are wild: kept in the range of latents, as `clip_sample` does.
      const x0 = Math.max(-4, Math.min(4, clean));
      const noise = (x - signalPart * x0) / noisePart;
      return Math.sqrt(next) * x0 + Math.sqrt(1 - next) * noise;
    });
    onStep?.(step + 1, numInferenceSteps);
  }
  return sample;
}
