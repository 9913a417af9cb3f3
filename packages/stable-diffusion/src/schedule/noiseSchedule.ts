// How much noise a training image gets at each timestep, and what the network is asked to predict there.
// Denoising Diffusion Probabilistic Models, https://arxiv.org/abs/2006.11239, eq. 2 and 4;
// reference: diffusers/schedulers/scheduling_ddpm.py.
import { ConfigError } from '@likeness/engine';

import { parseSchedulerConfig, type PredictionType, type SchedulerConfig } from './schedulerConfig.ts';

const { fround } = Math;

export interface NoiseSchedule {
  readonly numTrainTimesteps: number;
  /** Variance of the noise added in each of the `numTrainTimesteps` steps. */
  readonly betas: Float32Array;
  /** Share of the clean image's variance that is left after timestep t: `prod(1 - betas[0..t])`. */
  readonly alphasCumprod: Float32Array;
  readonly predictionType: PredictionType;
  /** The checked fields of scheduler_config.json, undefined where the file leaves one out. */
  readonly config: SchedulerConfig;
  /** `sqrt(ā) x + sqrt(1 - ā) noise`; x and noise hold `timesteps.length` items of equal size one after another. */
  addNoise(x: Float32Array, noise: Float32Array, timesteps: ArrayLike<number>): Float32Array;
  /** Target of v-prediction, `sqrt(ā) noise - sqrt(1 - ā) x` (https://arxiv.org/abs/2202.00512, appendix D). */
  velocity(x: Float32Array, noise: Float32Array, timesteps: ArrayLike<number>): Float32Array;
  /** Signal-to-noise ratio `ā / (1 - ā)` at timestep t. */
  snr(timestep: number): number;
}

/**
 * The schedule of a parsed scheduler_config.json (or the same fields written by hand). Missing fields get diffusers'
 * defaults. Unknown fields and unsupported values throw one `ConfigError` that lists them all.
 */
export function createNoiseSchedule(config: Record<string, unknown>, where?: string): NoiseSchedule {
  const checked = parseSchedulerConfig(config, where);
  const plainBetas = createBetas(checked);
  const betas = checked.rescale_betas_zero_snr ? rescaleZeroTerminalSnr(plainBetas) : plainBetas;
  const alphasCumprod = cumulativeProduct(betas.map((beta) => 1 - beta));
  const numTrainTimesteps = betas.length;

  function alphaCumprodAt(timestep: number): number {
    const value = alphasCumprod[timestep];
    if (value === undefined) {
      throw new RangeError(`timestep ${timestep} is not an integer in [0, ${numTrainTimesteps})`);
    }
    return value;
  }

  /** `signal(ā) * a + noise(ā) * b` per batch item, coefficients and products in float32 as in torch. */
  function mix(a: Float32Array, b: Float32Array, timesteps: ArrayLike<number>, sign: 1 | -1): Float32Array {
    const itemSize = a.length / timesteps.length;
    if (a.length !== b.length || !Number.isInteger(itemSize)) {
      throw new RangeError(
        `${a.length} and ${b.length} values cannot be split into ${timesteps.length} items of equal size`,
      );
    }
    const mixed = new Float32Array(a.length);
    for (let item = 0; item < timesteps.length; item++) {
      const alphaCumprod = alphaCumprodAt(timesteps[item] ?? NaN);
      const ofA = fround(Math.sqrt(alphaCumprod));
      const ofB = sign * fround(Math.sqrt(fround(1 - alphaCumprod)));
      for (let i = item * itemSize; i < (item + 1) * itemSize; i++) {
        mixed[i] = fround(ofA * (a[i] ?? 0)) + fround(ofB * (b[i] ?? 0));
      }
    }
    return mixed;
  }

  return {
    numTrainTimesteps,
    betas,
    alphasCumprod,
    predictionType: checked.prediction_type ?? 'epsilon',
    config: checked,
    addNoise: (x, noise, timesteps) => mix(x, noise, timesteps, 1),
    velocity: (x, noise, timesteps) => mix(noise, x, timesteps, -1),
    snr(timestep) {
      const alphaCumprod = alphaCumprodAt(timestep);
      return alphaCumprod / (1 - alphaCumprod);
    },
  };
}

function createBetas(config: SchedulerConfig): Float32Array {
  const { num_train_timesteps: steps = 1000, beta_start: start = 0.0001, beta_end: end = 0.02 } = config;
  if (config.trained_betas) return Float32Array.from(config.trained_betas);
  switch (config.beta_schedule ?? 'linear') {
    case 'linear':
      return linspaceFloat32(start, end, steps);
    case 'scaled_linear':
      return linspaceFloat32(Math.sqrt(start), Math.sqrt(end), steps).map((root) => root * root);
    case 'squaredcos_cap_v2': {
      // Improved DDPM, https://arxiv.org/abs/2102.09672, section 3.2
      const alphaBar = (t: number) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
      return Float32Array.from({ length: steps }, (_, i) =>
        Math.min(1 - alphaBar((i + 1) / steps) / alphaBar(i / steps), 0.999),
      );
    }
  }
}

/** torch.linspace: counts from both ends towards the middle, in float32. */
function linspaceFloat32(start: number, end: number, steps: number): Float32Array {
  const first = fround(start);
  const last = fround(end);
  const stride = fround(fround(last - first) / (steps - 1));
  const half = Math.floor(steps / 2);
  return Float32Array.from({ length: steps }, (_, i) =>
    i < half ? first + stride * i : last - stride * (steps - 1 - i),
  );
}

/** torch.cumprod: a float32 result of a running product in float64. */
function cumulativeProduct(values: Float32Array): Float32Array {
  let product = 1;
  return values.map((value) => (product *= value));
}

/**
 * Shifts and scales so that nothing of the image is left at the last timestep.
 * Common Diffusion Noise Schedules and Sample Steps are Flawed, https://arxiv.org/abs/2305.08891, algorithm 1.
 */
function rescaleZeroTerminalSnr(betas: Float32Array): Float32Array {
  const roots = cumulativeProduct(betas.map((beta) => 1 - beta)).map(Math.sqrt);
  const first = roots[0] ?? NaN;
  const last = roots[roots.length - 1] ?? NaN;
  if (!(first > last)) {
    throw new ConfigError('rescale_betas_zero_snr needs a schedule that adds noise', {
      code: 'model/unsupported-schedule',
      got: `sqrt(alphas_cumprod) from ${first} to ${last}`,
    });
  }
  const scale = fround(first / fround(first - last));
  const alphasCumprod = roots.map((root) => fround(fround(root - last) * scale)).map((root) => root * root);
  return alphasCumprod.map(
    (value, i) => 1 - (i === 0 ? value : fround(value / (alphasCumprod[i - 1] ?? NaN))),
  );
}
