// Euler steps that go a little further down and add fresh noise (k-diffusion's sample_euler_ancestral);
// reference: diffusers/schedulers/scheduling_euler_ancestral_discrete.py.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { eulerInitNoiseSigma, eulerTimesteps, eulerX0 } from './euler.ts';
import { combine } from './prediction.ts';
import {
  clipSampleProblem,
  drawNoise,
  etaProblem,
  refuse,
  type Denoise,
  type SampleOptions,
  type Sampler,
} from './sampler.ts';
import { sigmasAt, trainingSigmas } from './sigmas.ts';

function sigmasOf(schedule: NoiseSchedule, numInferenceSteps: number): Float32Array {
  const timesteps = eulerTimesteps(schedule, numInferenceSteps);
  return Float32Array.from([...sigmasAt(trainingSigmas(schedule), timesteps), 0]);
}

export async function sampleEulerAncestral(
  denoise: Denoise,
  latents: Float32Array,
  options: SampleOptions,
): Promise<Float32Array> {
  const { schedule, numInferenceSteps, onStep } = options;
  const { predictionType, config } = schedule;
  refuse('euler-ancestral', schedule, numInferenceSteps, [
    etaProblem(options),
    clipSampleProblem(config),
    predictionType === 'sample' && 'prediction_type: sample is not known to it',
  ]);
  const sigmas = sigmasOf(schedule, numInferenceSteps);

  let x = latents;
  for (const [step, t] of eulerTimesteps(schedule, numInferenceSteps).entries()) {
    const sigma = sigmas[step] ?? NaN;
    const sigmaTo = sigmas[step + 1] ?? NaN;
    const x0 = await eulerX0(denoise, x, t, sigma, options);
    const sigmaUp = Math.sqrt((sigmaTo ** 2 * (sigma ** 2 - sigmaTo ** 2)) / sigma ** 2);
    const sigmaDown = Math.sqrt(sigmaTo ** 2 - sigmaUp ** 2);
    const kept = sigmaDown / sigma;
    x = combine([kept, x], [1 - kept, x0], [sigmaUp, drawNoise('euler-ancestral', options, step, x.length)]);
    onStep?.(step, x.slice());
  }
  return x;
}

export const eulerAncestral: Sampler = {
  name: 'euler-ancestral',
  description: 'Euler ancestral: first-order, adds noise in every step',
  timesteps: eulerTimesteps,
  sigmas: sigmasOf,
  initNoiseSigma: (schedule, numInferenceSteps) =>
    eulerInitNoiseSigma(schedule, sigmasOf(schedule, numInferenceSteps)),
  sample: sampleEulerAncestral,
};
