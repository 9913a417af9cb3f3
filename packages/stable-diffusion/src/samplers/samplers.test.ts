import { createRng } from '@likeness/engine';
import { describe, expect, it } from 'vitest';

import { createNoiseSchedule } from '../schedule/noiseSchedule.ts';
import { parseSchedulerConfig } from '../schedule/schedulerConfig.ts';
import { combine } from './prediction.ts';
import { SAMPLER_NAMES, type Denoise, type SampleOptions } from './sampler.ts';
import { SAMPLERS, samplerForConfig } from './samplers.ts';
import { roundHalfToEven, spacedTimesteps } from './timesteps.ts';

const STABLE_DIFFUSION = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  timestep_spacing: 'trailing',
  clip_sample: false,
  set_alpha_to_one: true,
  skip_prk_steps: true,
};
const SIZE = 8;
const rng = createRng(5);
const noise = (step: number) => rng.stream('sampler noise', step, 0).normal(SIZE);
const latents = rng.stream('start', 0, 0).normal(SIZE);
const image = Float32Array.from({ length: SIZE }, (_, i) => i / SIZE - 0.4);

describe('every sampler', () => {
  // A network that knows the image: whatever the path, every correct sampler ends on it.
  describe.each(['epsilon', 'v_prediction'])('with a perfect model of %s', (predictionType) => {
    const schedule = createNoiseSchedule({ ...STABLE_DIFFUSION, prediction_type: predictionType });
    const perfect: Denoise = (sample, t) => {
      // Between two timesteps the signal's share is interpolated in the sigma that the samplers interpolate.
      const sigmaAt = (k: number) => Math.sqrt(1 / (schedule.alphasCumprod[k] ?? NaN) - 1);
      const low = Math.min(Math.floor(t), 998);
      const sigma = sigmaAt(low) + (sigmaAt(low + 1) - sigmaAt(low)) * (t - low);
      const alpha = 1 / Math.sqrt(1 + sigma * sigma);
      const epsilon = combine([1 / (sigma * alpha), sample], [-1 / sigma, image]);
      const isEpsilon = predictionType === 'epsilon';
      return Promise.resolve(isEpsilon ? epsilon : combine([alpha, epsilon], [-sigma * alpha, image]));
    };

    it.each(SAMPLER_NAMES)('%s ends on the image', async (name) => {
      const sampler = SAMPLERS[name];
      const sigma = sampler.initNoiseSigma(schedule, 20);
      const start = latents.map((value) => value * sigma);
      const untouched = start.slice();
      const got = await sampler.sample(perfect, start, { schedule, numInferenceSteps: 20, noise });
      expect(start).toEqual(untouched);
      // Karras timesteps of dpmpp-2m are rounded, so its model is asked beside the sigma; pndm extrapolates raw outputs,
      // and those of v-prediction change along the way even when the model is perfect.
      const isRough = name === 'dpmpp-2m-karras' || (name === 'pndm' && predictionType === 'v_prediction');
      const worst = Math.max(...got.map((value, i) => Math.abs(value - (image[i] ?? NaN))));
      expect(worst).toBeLessThan(isRough ? 2e-2 : 1e-4);
    });
  });

  const schedule = createNoiseSchedule(STABLE_DIFFUSION);
  const model: Denoise = (sample) => Promise.resolve(sample.map((value) => Math.sin(value)));

  it.each(SAMPLER_NAMES)('%s visits its timesteps, reports its steps, and repeats itself', async (name) => {
    const sampler = SAMPLERS[name];
    const asked: number[] = [];
    const steps: Float32Array[] = [];
    const options: SampleOptions = {
      schedule,
      numInferenceSteps: 7,
      noise,
      onStep: (step, x) => {
        steps[step] = x;
      },
    };
    const asking: Denoise = (sample, t) => {
      asked.push(t);
      const output = model(sample, t);
      // What a network does to its input must not reach the sampler.
      return output.finally(() => sample.fill(NaN));
    };
    const got = await sampler.sample(asking, latents, options);
    expect(asked).toEqual(sampler.timesteps(schedule, 7));
    expect(steps).toHaveLength(asked.length);
    expect(steps.at(-1)).toEqual(got);
    expect(got.every(Number.isFinite)).toBe(true);
    expect(await sampler.sample(model, latents, options)).toEqual(got);
  });

  it.each(SAMPLER_NAMES)('%s stops when it is aborted', async (name) => {
    const controller = new AbortController();
    let calls = 0;
    const aborting: Denoise = (sample, t) => {
      calls += 1;
      controller.abort(new Error('enough'));
      return model(sample, t);
    };
    const options = { schedule, numInferenceSteps: 5, noise, signal: controller.signal };
    await expect(SAMPLERS[name].sample(aborting, latents, options)).rejects.toThrow('enough');
    expect(calls).toBe(1);
  });

  it.each(SAMPLER_NAMES)('%s refuses impossible step counts and outputs of another size', async (name) => {
    const { sample } = SAMPLERS[name];
    for (const numInferenceSteps of [0, 1.5, 1001]) {
      await expect(sample(model, latents, { schedule, numInferenceSteps, noise })).rejects.toThrow(
        /numInferenceSteps/,
      );
    }
    const short: Denoise = () => Promise.resolve(new Float32Array(3));
    await expect(sample(short, latents, { schedule, numInferenceSteps: 5, noise })).rejects.toThrow(
      /3 values/,
    );
  });
});

describe('refusals', () => {
  const model: Denoise = (sample) => Promise.resolve(sample);
  const run = (name: (typeof SAMPLER_NAMES)[number], config: object, options: Partial<SampleOptions> = {}) =>
    SAMPLERS[name].sample(model, latents, {
      schedule: createNoiseSchedule({ ...STABLE_DIFFUSION, ...config }),
      numInferenceSteps: 5,
      ...options,
    });

  it('names the fields a sampler does not know', async () => {
    await expect(run('euler', { clip_sample: true })).rejects.toThrow(/sampler euler.*[^]*clip_sample: true/);
    await expect(run('pndm', { skip_prk_steps: false, prediction_type: 'sample' })).rejects.toThrow(
      /skip_prk_steps[^]*prediction_type/,
    );
    await expect(run('dpmpp-2m', { solver_order: 3 })).rejects.toThrow(/solver_order: 3/);
    await expect(run('unipc', { lower_order_final: false })).rejects.toThrow(/lower_order_final/);
    await expect(run('ddim', { rescale_betas_zero_snr: true })).rejects.toThrow(/epsilon has no answer/);
    await expect(run('euler', {}, { eta: 0.5 })).rejects.toThrow(/eta: 0.5/);
  });

  it('asks for noise where it is needed', async () => {
    for (const name of ['ddpm', 'euler-ancestral'] as const) {
      await expect(run(name, {})).rejects.toThrow(/pass `noise`/);
    }
    await expect(run('ddim', {}, { eta: 1 })).rejects.toThrow(/pass `noise`/);
  });
});

describe('ddim with eta 1', () => {
  it('is ddpm', async () => {
    // The same posterior, where neighbouring timesteps are as far apart as the stride says.
    const schedule = createNoiseSchedule(STABLE_DIFFUSION);
    const model: Denoise = (sample) => Promise.resolve(sample.map((value) => 0.3 * value));
    const options = { schedule, numInferenceSteps: 10, noise };
    const ofDdim = await SAMPLERS.ddim.sample(model, latents, { ...options, eta: 1 });
    const ofDdpm = await SAMPLERS.ddpm.sample(model, latents, options);
    ofDdim.forEach((value, i) => expect(Math.abs(value - (ofDdpm[i] ?? NaN))).toBeLessThan(1e-5));
  });
});

describe('unipc of every order', () => {
  it.each([1, 2, 3])(
    'order %i errs 4^(order + 1) times less on four times the steps',
    async (solver_order) => {
      // The corrector raises the order by one (theorem 3.1). Karras sigmas down to sigma_min span the same interval for
      // every number of steps; epsilon does not depend on the timestep, so their rounding does not matter.
      const config = {
        ...STABLE_DIFFUSION,
        use_karras_sigmas: true,
        final_sigmas_type: 'sigma_min',
        solver_order,
      };
      const schedule = createNoiseSchedule(config);
      const model: Denoise = (sample) => Promise.resolve(sample.map((value) => 0.9 * value));
      const final = async (numInferenceSteps: number) =>
        (await SAMPLERS.unipc.sample(model, latents, { schedule, numInferenceSteps }))[0] ?? NaN;
      const exact = await final(1000);
      const gain = Math.abs(((await final(15)) - exact) / ((await final(60)) - exact));
      expect(gain).toBeGreaterThan(0.7 * 4 ** (solver_order + 1));
    },
  );
});

describe('samplerForConfig', () => {
  const choose = (config: object) => samplerForConfig(parseSchedulerConfig(config)).name;

  it('knows the schedulers of diffusers', () => {
    expect(choose({ _class_name: 'DDIMScheduler' })).toBe('ddim');
    expect(choose({ _class_name: 'PNDMScheduler', skip_prk_steps: true })).toBe('pndm');
    expect(choose({ _class_name: 'DPMSolverMultistepScheduler' })).toBe('dpmpp-2m');
    expect(choose({ _class_name: 'DPMSolverMultistepScheduler', use_karras_sigmas: true })).toBe(
      'dpmpp-2m-karras',
    );
    expect(choose({ _class_name: 'EulerDiscreteScheduler', use_karras_sigmas: true })).toBe('euler');
  });

  it('refuses what it does not know, and says what to do', () => {
    expect(() => choose({ _class_name: 'HeunDiscreteScheduler' })).toThrow(
      /choose a sampler by name: ddim, ddpm/,
    );
    expect(() => choose({})).toThrow(/got: nothing/);
    expect(() => choose({ _class_name: 'PNDMScheduler' })).toThrow(/skip_prk_steps/);
    expect(() =>
      choose({ _class_name: 'DPMSolverMultistepScheduler', algorithm_type: 'sde-dpmsolver++' }),
    ).toThrow(/sde-dpmsolver/);
  });
});

describe('timesteps', () => {
  it('rounds as NumPy does', () => {
    expect([0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfToEven)).toEqual([0, 2, 2, 2, 3]);
    // 1000 / 48 * 3 = 62.5 in exact numbers; numpy.arange counts 937.4999999999999.
    const schedule = createNoiseSchedule(STABLE_DIFFUSION);
    expect(spacedTimesteps(schedule, 48, 'leading')[3]).toBe(936);
  });

  it.each([1, 2, 7, 61, 999, 1000])('gives %i timesteps within the training range', (n) => {
    for (const timestep_spacing of ['leading', 'trailing', 'linspace']) {
      const schedule = createNoiseSchedule({ ...STABLE_DIFFUSION, timestep_spacing });
      for (const name of ['ddim', 'euler', 'dpmpp-2m', 'unipc', 'dpmpp-2m-karras'] as const) {
        const timesteps = SAMPLERS[name].timesteps(schedule, n);
        expect(timesteps).toHaveLength(n);
        expect(timesteps.every((t) => t >= 0 && t < 1000)).toBe(true);
      }
    }
  });
});
