// Noise schedules and samplers against a folder of reference numbers, with a synthetic model in place of a network.
// The folder's format: fixtures/README.md, `schedulers/`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ConfigError } from '@likeness/engine';
import { z } from 'zod';

import type { Sampler } from '../samplers/sampler.ts';
import { samplerForConfig } from '../samplers/samplers.ts';
import { createNoiseSchedule, type NoiseSchedule } from '../schedule/noiseSchedule.ts';
import { compareArrays, notCovered, type Comparison, type Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';

/** Schedulers that are no part of Stable Diffusion fine-tuning, with the reason. */
const NOT_COVERED: Readonly<Record<string, string>> = {
  HeunDiscreteScheduler: 'Heun is not built: two calls a step, no better than dpmpp-2m per call',
  FlowMatchEulerDiscreteScheduler: 'flow matching belongs to models of another family',
};
const NOT_COVERED_ALGORITHMS: Readonly<Record<string, string>> = {
  'sde-dpmsolver++': 'the stochastic variant of dpmpp-2m is not built',
};

/** The reference's float32 run is this many times nearer to its float64 run than a bug would be (fixtures/README.md). */
const ROUNDING_MARGIN = 20;
const TABLE_TOLERANCE = { atol: 1e-9, rtol: 1e-6 };
/** Whole timesteps have to agree exactly; Karras sigmas give fractional ones by way of float32 logarithms. */
const TIMESTEP_TOLERANCE = { atol: 1e-3, rtol: 0 };

const description = z.object({
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
  cases: z.record(
    z.string(),
    z.object({
      class: z.string(),
      config: z.record(z.string(), z.unknown()),
      // An error message where the reference itself fails.
      fp32_vs_fp64_max_abs: z.record(z.string(), z.union([z.number(), z.string()])),
    }),
  ),
});
type Case = z.infer<typeof description>['cases'][string];
type Tensors = Map<string, FixtureTensor>;

/** All comparisons of a `schedulers` folder; samplers that are not built come as `notCovered`. */
export async function* checkSchedulers(folder: string): AsyncIterable<Comparison> {
  const text = await readFile(join(folder, 'schedulers.json'), 'utf8');
  const { cases, tolerance } = description.parse(JSON.parse(text));
  const commonPath = join(folder, 'common.safetensors');
  const common = await readFixture(commonPath);
  yield* checkSchedules(common, commonPath, Object.values(cases)[0]?.config ?? {}, tolerance);

  for (const [name, described] of Object.entries(cases)) {
    const left =
      NOT_COVERED[described.class] ?? NOT_COVERED_ALGORITHMS[String(described.config.algorithm_type)];
    if (left !== undefined) {
      yield notCovered(name, left);
      continue;
    }
    try {
      const schedule = createNoiseSchedule({ ...described.config, _class_name: described.class }, name);
      const sampler = samplerForConfig(schedule.config, name);
      const path = join(folder, `${name}.safetensors`);
      yield* checkCase(name, described, schedule, sampler, common, await readFixture(path), tolerance);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      yield notCovered(name, `refused: ${error.message.replaceAll('\n', ' ')}`);
    }
  }
}

/** The variants of the base schedule that gen_schedulers.py saves. */
async function* checkSchedules(
  common: Tensors,
  path: string,
  firstConfig: Record<string, unknown>,
  tolerance: Tolerance,
): AsyncIterable<Comparison> {
  const { num_train_timesteps, beta_start, beta_end, beta_schedule } = firstConfig;
  const base = { num_train_timesteps, beta_start, beta_end, beta_schedule };
  const plain = createNoiseSchedule(base);
  const zeroSnr = createNoiseSchedule({ ...base, rescale_betas_zero_snr: true });
  const schedules: Record<string, NoiseSchedule> = {
    scaled_linear: plain,
    scaled_linear_zero_snr: zeroSnr,
    linear: createNoiseSchedule({ ...base, beta_schedule: 'linear' }),
    squaredcos_cap_v2: createNoiseSchedule({ num_train_timesteps, beta_schedule: 'squaredcos_cap_v2' }),
  };
  const want = (name: string) => fixtureTensor(common, name, path).data;
  for (const [name, schedule] of Object.entries(schedules)) {
    const bound = tableTolerance(schedule, tolerance);
    yield compareArrays(`${name}.betas`, schedule.betas, want(`${name}.betas`), bound);
    yield compareArrays(
      `${name}.alphas_cumprod`,
      schedule.alphasCumprod,
      want(`${name}.alphas_cumprod`),
      bound,
    );
  }
  const sample = Float32Array.from(want('add_noise.sample'));
  const noise = Float32Array.from(want('add_noise.noise'));
  const timesteps = want('add_noise.timesteps');
  for (const [suffix, schedule] of [
    ['', plain],
    ['_zero_snr', zeroSnr],
  ] as const) {
    const noisy = schedule.addNoise(sample, noise, timesteps);
    const velocity = schedule.velocity(sample, noise, timesteps);
    yield compareArrays(`add_noise.noisy${suffix}`, noisy, want(`add_noise.noisy${suffix}`), tolerance);
    yield compareArrays(
      `add_noise.velocity${suffix}`,
      velocity,
      want(`add_noise.velocity${suffix}`),
      tolerance,
    );
  }
}

/** Rescaling divides neighbours that are nearly equal: last bits of torch's square root show in a beta's fourth digit. */
function tableTolerance({ config }: NoiseSchedule, tolerance: Tolerance): Tolerance {
  return config.rescale_betas_zero_snr ? tolerance : TABLE_TOLERANCE;
}

async function* checkCase(
  name: string,
  { fp32_vs_fp64_max_abs: rounding }: Case,
  schedule: NoiseSchedule,
  sampler: Sampler,
  common: Tensors,
  expected: Tensors,
  tolerance: Tolerance,
): AsyncIterable<Comparison> {
  const stepCounts = [...expected.keys()]
    .flatMap((key) => /^(\d+)\.timesteps$/.exec(key)?.[1] ?? [])
    .map(Number);
  for (const numInferenceSteps of stepCounts.sort((a, b) => a - b)) {
    const prefix = `${numInferenceSteps}.`;
    const want = (key: string) => fixtureTensor(expected, prefix + key, `${name}.safetensors`).data;
    const label = (key: string) => `${name}.${prefix}${key}`;

    const bound = tableTolerance(schedule, tolerance);
    const timesteps = sampler.timesteps(schedule, numInferenceSteps);
    yield compareArrays(label('timesteps'), timesteps, want('timesteps'), TIMESTEP_TOLERANCE);
    const sigmas = sampler.sigmas?.(schedule, numInferenceSteps);
    if (sigmas) yield compareArrays(label('sigmas'), sigmas, want('sigmas'), bound);
    const initNoiseSigma = sampler.initNoiseSigma(schedule, numInferenceSteps);
    yield compareArrays(
      label('init_noise_sigma'),
      [initNoiseSigma],
      want('init_noise_sigma'),
      TABLE_TOLERANCE,
    );
    if (!expected.has(`${prefix}x`)) continue;

    const { x, modelInput } = await runSynthetic(
      sampler,
      schedule,
      numInferenceSteps,
      initNoiseSigma,
      common,
    );
    const wantX = want('x');
    const reported = rounding[String(numInferenceSteps)];
    const largest = Math.max(...Array.from(wantX, Math.abs));
    const atol =
      typeof reported === 'number' && bound === TABLE_TOLERANCE
        ? Math.max(tolerance.atol, ROUNDING_MARGIN * reported)
        : // The file's note: where values are large, relative to the largest.
          tolerance.atol + tolerance.rtol * largest;
    yield compareArrays(label('x'), x, wantX, { atol, rtol: 0 });
    yield compareArrays(label('model_input'), modelInput, want('model_input'), { atol, rtol: 0 });
  }
}

/** The reference's walk: the samples of all steps and what the model saw, one after another. */
async function runSynthetic(
  sampler: Sampler,
  schedule: NoiseSchedule,
  numInferenceSteps: number,
  initNoiseSigma: number,
  common: Tensors,
): Promise<{ x: number[]; modelInput: number[] }> {
  const read = (name: string) => Float32Array.from(fixtureTensor(common, name, 'common.safetensors').data);
  const [x0, bias, noises] = [read('x0'), read('bias'), read('noises')];
  const start = x0.map((value) => value * Math.fround(initNoiseSigma));
  const x = [...start];
  const modelInput: number[] = [];
  await sampler.sample(
    (sample, timestep) => {
      modelInput.push(...sample);
      return Promise.resolve(syntheticModel(sample, timestep, bias));
    },
    start,
    {
      schedule,
      numInferenceSteps,
      noise: (step) => noises.subarray(step * x0.length, (step + 1) * x0.length),
      onStep: (_, latents) => x.push(...latents),
    },
  );
  return { x, modelInput };
}

/** `0.1 x + bias (0.5 + t / 1000)` in float32, as schedulers.json describes it. */
function syntheticModel(sample: Float32Array, timestep: number, bias: Float32Array): Float32Array {
  const { fround } = Math;
  const ofBias = fround(0.5 + timestep / 1000);
  return sample.map((value, i) => fround(fround(0.1) * value) + fround((bias[i] ?? NaN) * ofBias));
}
