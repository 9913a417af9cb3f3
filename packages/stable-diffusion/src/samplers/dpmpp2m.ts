// DPM-Solver++ with two steps of memory (2M), https://arxiv.org/abs/2211.01095, algorithm 2;
// reference: diffusers/schedulers/scheduling_dpmsolver_multistep.py, algorithm_type `dpmsolver++`.
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
  type SamplerName,
} from './sampler.ts';
import {
  karrasSigmas,
  sigmasAt,
  sigmaStep,
  sigmaToTimestep,
  trainingSigmas,
  type SigmaStep,
  type SigmaWalk,
} from './sigmas.ts';
import { multistepTimesteps, roundHalfToEven } from './timesteps.ts';

/** Below this many steps a last or last-but-one step of high order would overshoot (`lower_order_final`). */
const FEW_STEPS = 15;

function walk(schedule: NoiseSchedule, numInferenceSteps: number, useKarrasSigmas: boolean): SigmaWalk {
  const { config } = schedule;
  const table = trainingSigmas(schedule);
  const smallest = table[0] ?? NaN;
  let timesteps = multistepTimesteps(schedule, numInferenceSteps, 'linspace');
  let sigmas = sigmasAt(table, timesteps);
  if (useKarrasSigmas) {
    const largest = table[table.length - 1] ?? NaN;
    sigmas = karrasSigmas(config.sigma_min ?? smallest, config.sigma_max ?? largest, numInferenceSteps);
    const fractional = sigmas.map((sigma) => sigmaToTimestep(sigma, table));
    timesteps = fractional.map(config.beta_schedule === 'squaredcos_cap_v2' ? Math.trunc : roundHalfToEven);
  }
  const last = config.final_sigmas_type === 'sigma_min' ? smallest : 0;
  return { timesteps, sigmas: Float32Array.from([...sigmas, last]) };
}

async function sampleWith(
  name: SamplerName,
  useKarrasSigmas: boolean,
  denoise: Denoise,
  latents: Float32Array,
  options: SampleOptions,
): Promise<Float32Array> {
  const { schedule, numInferenceSteps, onStep, signal } = options;
  const { config, predictionType } = schedule;
  const order = config.solver_order ?? 2;
  refuse(name, schedule, numInferenceSteps, [
    etaProblem(options),
    clipSampleProblem(config),
    order > 2 && `solver_order: ${order} is not supported, only 1 and 2 are`,
  ]);
  const { timesteps, sigmas } = walk(schedule, numInferenceSteps, useKarrasSigmas);
  const steps = Array.from(sigmas, sigmaStep);
  const few = timesteps.length < FEW_STEPS && (config.lower_order_final ?? true);
  const firstOrderAtEnd =
    few || config.euler_at_final === true || (config.final_sigmas_type ?? 'zero') === 'zero';

  let x = latents;
  let before: { x0: Float32Array; lambda: number } | undefined;
  for (const [step, t] of timesteps.entries()) {
    const [from, to] = [steps[step], steps[step + 1]] as [SigmaStep, SigmaStep];
    const output = await callDenoise(denoise, x, t, signal);
    const x0 = predictedX0(predictionType, x, output, from);
    const isLast = step === timesteps.length - 1;

    const h = to.lambda - from.lambda;
    const ofX0 = -to.alpha * Math.expm1(-h);
    let direction = x0;
    if (order === 2 && before !== undefined && !(isLast && firstOrderAtEnd)) {
      // The slope between the last two predictions, over this step.
      const r = (from.lambda - before.lambda) / h;
      const ofSlope =
        (config.solver_type === 'heun' ? to.alpha * (Math.expm1(-h) / h + 1) : ofX0 / 2) / ofX0 / r;
      direction = combine([1 + ofSlope, x0], [-ofSlope, before.x0]);
    }
    x = combine([to.sigma / from.sigma, x], [ofX0, direction]);
    before = { x0, lambda: from.lambda };
    onStep?.(step, x.slice());
  }
  return x;
}

export const sampleDpmpp2m = (denoise: Denoise, latents: Float32Array, options: SampleOptions) =>
  sampleWith('dpmpp-2m', false, denoise, latents, options);

export const sampleDpmpp2mKarras = (denoise: Denoise, latents: Float32Array, options: SampleOptions) =>
  sampleWith('dpmpp-2m-karras', true, denoise, latents, options);

export const dpmpp2m: Sampler = {
  name: 'dpmpp-2m',
  description: 'DPM-Solver++ 2M: second-order multistep, deterministic; good from about 20 steps',
  timesteps: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps, false).timesteps,
  sigmas: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps, false).sigmas,
  initNoiseSigma: () => 1,
  sample: sampleDpmpp2m,
};

export const dpmpp2mKarras: Sampler = {
  name: 'dpmpp-2m-karras',
  description: 'DPM-Solver++ 2M on Karras sigmas: more of the steps at low noise',
  timesteps: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps, true).timesteps,
  sigmas: (schedule, numInferenceSteps) => walk(schedule, numInferenceSteps, true).sigmas,
  initNoiseSigma: () => 1,
  sample: sampleDpmpp2mKarras,
};
