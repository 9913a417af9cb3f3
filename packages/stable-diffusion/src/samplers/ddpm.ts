// Denoising Diffusion Probabilistic Models, https://arxiv.org/abs/2006.11239, eq. 7 and algorithm 2 (ancestral
// sampling); reference: diffusers/schedulers/scheduling_ddpm.py.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { clipX0, zeroSnrProblem } from './ddim.ts';
import { combine, predictedX0 } from './prediction.ts';
import {
  callDenoise,
  drawNoise,
  etaProblem,
  refuse,
  type Denoise,
  type SampleOptions,
  type Sampler,
} from './sampler.ts';
import { spacedTimesteps } from './timesteps.ts';

function timesteps(schedule: NoiseSchedule, numInferenceSteps: number): number[] {
  return spacedTimesteps(schedule, numInferenceSteps, 'leading');
}

export async function sampleDdpm(
  denoise: Denoise,
  latents: Float32Array,
  options: SampleOptions,
): Promise<Float32Array> {
  const { schedule, numInferenceSteps, onStep, signal } = options;
  const { alphasCumprod, config, predictionType } = schedule;
  const visited = timesteps(schedule, numInferenceSteps);
  refuse('ddpm', schedule, numInferenceSteps, [etaProblem(options), zeroSnrProblem(schedule, visited)]);

  let x = latents;
  for (const [step, t] of visited.entries()) {
    const output = await callDenoise(denoise, x, t, signal);
    const next = visited[step + 1];
    const alphaCumprod = alphasCumprod[t] ?? NaN;
    const alphaCumprodPrev = next === undefined ? 1 : (alphasCumprod[next] ?? NaN);
    const alpha = alphaCumprod / alphaCumprodPrev;
    const shares = { alpha: Math.sqrt(alphaCumprod), sigma: Math.sqrt(1 - alphaCumprod) };
    const x0 = clipX0(predictedX0(predictionType, x, output, shares), schedule);

    // The mean of q(x_prev | x, x0), and its variance (or the one of the forward step, `fixed_large`).
    const ofX0 = (Math.sqrt(alphaCumprodPrev) * (1 - alpha)) / (1 - alphaCumprod);
    const ofX = (Math.sqrt(alpha) * (1 - alphaCumprodPrev)) / (1 - alphaCumprod);
    const variance =
      config.variance_type === 'fixed_large'
        ? 1 - alpha
        : Math.max(((1 - alphaCumprodPrev) / (1 - alphaCumprod)) * (1 - alpha), 1e-20);
    x = combine(
      [ofX0, x0],
      [ofX, x],
      ...(t > 0 ? [[Math.sqrt(variance), drawNoise('ddpm', options, step, x.length)] as const] : []),
    );
    onStep?.(step, x.slice());
  }
  return x;
}

export const ddpm: Sampler = {
  name: 'ddpm',
  description: 'DDPM: the stochastic walk that training undoes; needs many steps',
  timesteps,
  initNoiseSigma: () => 1,
  sample: sampleDdpm,
};
