// Pseudo Numerical Methods for Diffusion Models, https://arxiv.org/abs/2202.09778, in the form Stable Diffusion uses:
// linear multistep (PLMS, eq. 12), started with one improved Euler step instead of Runge-Kutta (skip_prk_steps);
// reference: diffusers/schedulers/scheduling_pndm.py.
import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { combine, predictedEpsilon } from './prediction.ts';
import {
  callDenoise,
  clipSampleProblem,
  etaProblem,
  refuse,
  type Denoise,
  type SampleOptions,
  type Sampler,
} from './sampler.ts';
import { spacedTimesteps } from './timesteps.ts';

/** Adams-Bashforth weights by the number of outputs known, newest first. */
const WEIGHTS = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]];

/** The second timestep comes twice: it ends the first step and begins the next. */
function timesteps(schedule: NoiseSchedule, numInferenceSteps: number): number[] {
  const [first, second, ...rest] = spacedTimesteps(schedule, numInferenceSteps, 'leading');
  return [first, second, second, ...rest].filter((t) => t !== undefined);
}

export async function samplePndm(
  denoise: Denoise,
  latents: Float32Array,
  options: SampleOptions,
): Promise<Float32Array> {
  const { schedule, numInferenceSteps, onStep, signal } = options;
  const { alphasCumprod, config, numTrainTimesteps, predictionType } = schedule;
  refuse('pndm', schedule, numInferenceSteps, [
    etaProblem(options),
    clipSampleProblem(config),
    config.skip_prk_steps === false &&
      'skip_prk_steps: false (Runge-Kutta start) is not supported, only true is',
    predictionType === 'sample' && 'prediction_type: sample is not known to it',
    config.rescale_betas_zero_snr && 'rescale_betas_zero_snr: true is not known to it',
    numInferenceSteps === 1 && 'numInferenceSteps: it needs at least 2',
  ]);
  const finalAlphaCumprod = config.set_alpha_to_one ? 1 : (alphasCumprod[0] ?? NaN);
  const alphaCumprodAt = (t: number) => (t >= 0 ? (alphasCumprod[t] ?? NaN) : finalAlphaCumprod);
  const stride = Math.floor(numTrainTimesteps / numInferenceSteps);

  /** From t to prev along a direction in the network's own terms; eq. 11. */
  function transfer(x: Float32Array, t: number, prev: number, output: Float32Array): Float32Array {
    const alphaCumprod = alphaCumprodAt(t);
    const alphaCumprodPrev = alphaCumprodAt(prev);
    const shares = { alpha: Math.sqrt(alphaCumprod), sigma: Math.sqrt(1 - alphaCumprod) };
    const epsilon = predictedEpsilon(predictionType, x, output, shares);
    const divisor =
      alphaCumprod * Math.sqrt(1 - alphaCumprodPrev) +
      Math.sqrt(alphaCumprod * (1 - alphaCumprod) * alphaCumprodPrev);
    return combine(
      [Math.sqrt(alphaCumprodPrev / alphaCumprod), x],
      [(alphaCumprod - alphaCumprodPrev) / divisor, epsilon],
    );
  }

  let x = latents;
  /** Newest first; the second call corrects the first step and is not kept. */
  let outputs: Float32Array[] = [];
  for (const [step, t] of timesteps(schedule, numInferenceSteps).entries()) {
    const output = await callDenoise(denoise, x, t, signal);
    if (step === 1) {
      const [first] = outputs;
      x = transfer(latents, t + stride, t, combine([1 / 2, output], [1 / 2, first ?? output]));
    } else {
      outputs = [output, ...outputs].slice(0, WEIGHTS.length);
      const weights = WEIGHTS[outputs.length - 1] ?? [];
      x = transfer(
        x,
        t,
        t - stride,
        combine(...outputs.map((known, i) => [weights[i] ?? NaN, known] as const)),
      );
    }
    onStep?.(step, x.slice());
  }
  return x;
}

export const pndm: Sampler = {
  name: 'pndm',
  description: 'PNDM (PLMS): fourth-order multistep, deterministic; one more call than steps',
  timesteps,
  initNoiseSigma: () => 1,
  sample: samplePndm,
};
