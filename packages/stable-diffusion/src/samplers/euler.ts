// Euler's method on the probability flow ODE: Karras et al., https://arxiv.org/abs/2206.00364, algorithm 2 without
// churn; reference: diffusers/schedulers/scheduling_euler_discrete.py.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { combine, predictedX0 } from './prediction.ts';
import {
  callDenoise,
  clipSampleProblem,
  etaProblem,
  refuse,
  type Denoise,
  type SampleOptions,
  type Sampler,
} from './sampler.ts';
import {
  karrasSigmas,
  sigmasAt,
  sigmaStep,
  sigmaToTimestep,
  trainingSigmas,
  type SigmaWalk,
} from './sigmas.ts';
import { spacedTimesteps } from './timesteps.ts';

function walk(schedule: NoiseSchedule, numInferenceSteps: number): SigmaWalk {
  const { config } = schedule;
  const table = trainingSigmas(schedule);
  let timesteps = eulerTimesteps(schedule, numInferenceSteps);
  let sigmas = sigmasAt(table, timesteps);
  if (config.use_karras_sigmas) {
    const sigmaMin = config.sigma_min ?? sigmas[sigmas.length - 1] ?? NaN;
    sigmas = karrasSigmas(sigmaMin, config.sigma_max ?? sigmas[0] ?? NaN, numInferenceSteps);
    timesteps = sigmas.map((sigma) => Math.fround(sigmaToTimestep(sigma, table)));
  }
  const last = config.final_sigmas_type === 'sigma_min' ? (table[0] ?? NaN) : 0;
  return { timesteps, sigmas: Float32Array.from([...sigmas, last]) };
}

/** Both Euler samplers keep the fractions of evenly spaced timesteps. */
export function eulerTimesteps(schedule: NoiseSchedule, numInferenceSteps: number): number[] {
  return spacedTimesteps(schedule, numInferenceSteps, 'linspace', { rounded: false });
}

/** `leading` leaves out the last training timestep, so the start is taken to hold an image as well as noise. */
export function eulerInitNoiseSigma(schedule: NoiseSchedule, sigmas: Float32Array): number {
  const sigmaMax = sigmas.reduce((largest, sigma) => Math.max(largest, sigma), 0);
  return schedule.config.timestep_spacing === 'leading' ? Math.sqrt(sigmaMax ** 2 + 1) : sigmaMax;
}

/**
 * One call of the network on a sample `x = x0 + sigma * epsilon`. It was trained on samples of variance one, so it
 * sees `alpha * x`. Returns the predicted clean image.
 */
export async function eulerX0(
  denoise: Denoise,
  x: Float32Array,
  timestep: number,
  sigma: number,
  { schedule, signal }: SampleOptions,
): Promise<Float32Array> {
  const shares = sigmaStep(sigma);
  const input = combine([shares.alpha, x]);
  const output = await callDenoise(denoise, input, timestep, signal);
  return schedule.predictionType === 'epsilon'
    ? combine([1, x], [-sigma, output])
    : predictedX0(schedule.predictionType, input, output, shares);
}

export async function sampleEuler(
  denoise: Denoise,
  latents: Float32Array,
  options: SampleOptions,
): Promise<Float32Array> {
  const { schedule, numInferenceSteps, onStep } = options;
  refuse('euler', schedule, numInferenceSteps, [etaProblem(options), clipSampleProblem(schedule.config)]);
  const { timesteps, sigmas } = walk(schedule, numInferenceSteps);

  let x = latents;
  for (const [step, t] of timesteps.entries()) {
    const sigma = sigmas[step] ?? NaN;
    const x0 = await eulerX0(denoise, x, t, sigma, options);
    // x + (sigmaNext - sigma) * (x - x0) / sigma
    const kept = (sigmas[step + 1] ?? NaN) / sigma;
    x = combine([kept, x], [1 - kept, x0]);
    onStep?.(step, x.slice());
  }
  return x;
}

export const euler: Sampler = {
  name: 'euler',
  description: 'Euler: first-order, deterministic; Karras sigmas if the config says so',
  timesteps: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps).timesteps,
  sigmas: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps).sigmas,
  initNoiseSigma: (schedule, numInferenceSteps) =>
    eulerInitNoiseSigma(schedule, walk(schedule, numInferenceSteps).sigmas),
  sample: sampleEuler,
};
