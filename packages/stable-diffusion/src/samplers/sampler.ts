// What every sampler is: a walk from noise to an image along the timesteps of a noise schedule.
// `x` is the sample, `x0` the predicted clean image; coefficients are float64, samples float32 arrays of any layout.
import { ConfigError } from '@likeness/engine';

import type { NoiseSchedule } from '../schedule/noiseSchedule.ts';
import type { SchedulerConfig } from '../schedule/schedulerConfig.ts';

/**
 * The network's raw output for a sample at a timestep: noise, velocity or clean image, as the schedule's
 * `predictionType` says. The array it gets is its own to keep. Timesteps may be fractional (euler).
 */
export type Denoise = (sample: Float32Array, timestep: number) => Promise<Float32Array>;

export interface SampleOptions {
  schedule: NoiseSchedule;
  /** 1 … numTrainTimesteps. Calls of the network; pndm makes one more. */
  numInferenceSteps: number;
  /** Standard normal numbers of the latents' length for step i. Needed by ddpm, euler-ancestral and ddim with eta. */
  noise?: (step: number) => Float32Array;
  /** After each step i, with a copy of the latents. */
  onStep?: (step: number, latents: Float32Array) => void;
  /** Checked before every call of the network. */
  signal?: AbortSignal;
  /** ddim only, 0 … 1: share of ddpm's noise. Default 0, which is deterministic. */
  eta?: number;
}

export const SAMPLER_NAMES = [
  'ddim',
  'ddpm',
  'euler',
  'euler-ancestral',
  'dpmpp-2m',
  'dpmpp-2m-karras',
  'pndm',
  'unipc',
] as const;
export type SamplerName = (typeof SAMPLER_NAMES)[number];

export interface Sampler {
  readonly name: SamplerName;
  readonly description: string;
  /** The timesteps the network is called with, in order. */
  readonly timesteps: (schedule: NoiseSchedule, numInferenceSteps: number) => number[];
  /** Standard deviation the walk starts from: pass `noise * initNoiseSigma` as latents. */
  readonly initNoiseSigma: (schedule: NoiseSchedule, numInferenceSteps: number) => number;
  /** Noise level before each step and after the last one, for the samplers that are defined by them. */
  readonly sigmas?: (schedule: NoiseSchedule, numInferenceSteps: number) => Float32Array;
  /**
   * From latents of standard deviation `initNoiseSigma` to clean ones; the input is not changed. Throws a
   * `ConfigError` for fields of the schedule's config that this sampler cannot honour.
   */
  readonly sample: (denoise: Denoise, latents: Float32Array, options: SampleOptions) => Promise<Float32Array>;
}

/** Calls the network, unless the walk was aborted, and checks what comes back. */
export async function callDenoise(
  denoise: Denoise,
  input: Float32Array,
  timestep: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  signal?.throwIfAborted();
  const output = await denoise(input.slice(), timestep);
  if (output.length !== input.length) {
    throw new RangeError(`the network returned ${output.length} values for a sample of ${input.length}`);
  }
  return output;
}

/** The noise of a stochastic step; a `ConfigError` when no source was given. */
export function drawNoise(
  sampler: SamplerName,
  options: SampleOptions,
  step: number,
  length: number,
): Float32Array {
  const noise = options.noise?.(step);
  if (noise === undefined) {
    throw new ConfigError('this sampler adds noise in every step, and none was given', {
      code: 'sampler/needs-noise',
      where: `sampler ${sampler}`,
      hint: 'pass `noise`, or choose a deterministic sampler such as ddim',
    });
  }
  if (noise.length !== length) {
    throw new RangeError(`the noise of step ${step} has ${noise.length} values, the sample ${length}`);
  }
  return noise;
}

/** Throws one `ConfigError` that lists what of the config and the options the sampler cannot honour. */
export function refuse(
  sampler: SamplerName,
  schedule: NoiseSchedule,
  numInferenceSteps: number,
  problems: readonly (string | false | undefined | null)[],
): void {
  const { numTrainTimesteps } = schedule;
  const stepsAreFine =
    Number.isInteger(numInferenceSteps) && numInferenceSteps >= 1 && numInferenceSteps <= numTrainTimesteps;
  const details = [
    !stepsAreFine &&
      `numInferenceSteps: ${numInferenceSteps} is not a whole number from 1 to ${numTrainTimesteps}`,
    ...problems,
  ].filter((problem) => typeof problem === 'string');
  if (details.length > 0) {
    throw new ConfigError('this sampler cannot run with this schedule', {
      code: 'sampler/does-not-fit-schedule',
      where: `sampler ${sampler}`,
      details,
      hint: 'choose another sampler or change these settings',
    });
  }
}

/** Only ddpm and ddim clip the predicted clean image. */
export function clipSampleProblem({ clip_sample }: SchedulerConfig): string | false {
  return clip_sample === true && 'clip_sample: true is only known to ddpm and ddim';
}

export function etaProblem({ eta }: SampleOptions): string | false {
  return eta !== undefined && eta !== 0 && `eta: ${eta} is only known to ddim`;
}
