// Denoising Diffusion Implicit Models, https://arxiv.org/abs/2010.02502, eq. 12;
// reference: diffusers/schedulers/scheduling_ddim.py.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { combine, predictedEpsilon, predictedX0 } from './prediction.ts';
import { callDenoise, drawNoise, refuse, type Denoise, type SampleOptions, type Sampler } from './sampler.ts';
import { spacedTimesteps } from './timesteps.ts';

function timesteps(schedule: NoiseSchedule, numInferenceSteps: number): number[] {
  return spacedTimesteps(schedule, numInferenceSteps, 'leading');
}

export async function sampleDdim(
  denoise: Denoise,
  latents: Float32Array,
  options: SampleOptions,
): Promise<Float32Array> {
  const { schedule, numInferenceSteps, eta = 0, onStep, signal } = options;
  const { alphasCumprod, config, numTrainTimesteps, predictionType } = schedule;
  const visited = timesteps(schedule, numInferenceSteps);
  refuse('ddim', schedule, numInferenceSteps, [
    !(eta >= 0 && eta <= 1) && `eta: ${eta} is not between 0 and 1`,
    zeroSnrProblem(schedule, visited),
  ]);
  // Past the last timestep: the whole image, or what the first timestep of training left of it.
  const finalAlphaCumprod = (config.set_alpha_to_one ?? true) ? 1 : (alphasCumprod[0] ?? NaN);
  const stride = Math.floor(numTrainTimesteps / numInferenceSteps);

  let x = latents;
  for (const [step, t] of visited.entries()) {
    const output = await callDenoise(denoise, x, t, signal);
    const alphaCumprod = alphasCumprod[t] ?? NaN;
    const alphaCumprodPrev = t - stride >= 0 ? (alphasCumprod[t - stride] ?? NaN) : finalAlphaCumprod;
    const shares = { alpha: Math.sqrt(alphaCumprod), sigma: Math.sqrt(1 - alphaCumprod) };
    const x0 = clipX0(predictedX0(predictionType, x, output, shares), schedule);
    const epsilon = predictedEpsilon(predictionType, x, output, shares);

    const variance = ((1 - alphaCumprodPrev) / (1 - alphaCumprod)) * (1 - alphaCumprod / alphaCumprodPrev);
    const std = eta * Math.sqrt(variance);
    x = combine(
      [Math.sqrt(alphaCumprodPrev), x0],
      [Math.sqrt(1 - alphaCumprodPrev - std * std), epsilon],
      ...(eta > 0 ? [[std, drawNoise('ddim', options, step, x.length)] as const] : []),
    );
    onStep?.(step, x.slice());
  }
  return x;
}

/** `clip_sample` keeps the predicted image in range; on unless the config turns it off, as in ddpm. */
export function clipX0(x0: Float32Array, { config }: NoiseSchedule): Float32Array {
  if (!(config.clip_sample ?? true)) return x0;
  const range = config.clip_sample_range ?? 1;
  return x0.map((value) => Math.min(Math.max(value, -range), range));
}

/** Where nothing of the image is left, noise says nothing about it. */
export function zeroSnrProblem(
  { alphasCumprod, predictionType }: NoiseSchedule,
  visited: readonly number[],
): string | false {
  const zero = visited.find((t) => alphasCumprod[t] === 0);
  return (
    predictionType === 'epsilon' &&
    zero !== undefined &&
    `prediction_type: epsilon has no answer at timestep ${zero}, where rescale_betas_zero_snr leaves only noise`
  );
}

export const ddim: Sampler = {
  name: 'ddim',
  description: 'DDIM: deterministic, or with a share `eta` of ddpm noise',
  timesteps,
  initNoiseSigma: () => 1,
  sample: sampleDdim,
};
