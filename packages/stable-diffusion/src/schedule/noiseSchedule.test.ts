import { ConfigError } from '@likeness/engine';
import { describe, expect, it } from 'vitest';

import { createNoiseSchedule } from './noiseSchedule.ts';
import { parseModelJson } from '../modelJson.ts';
import { parseSchedulerConfig } from './schedulerConfig.ts';

const STABLE_DIFFUSION = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear' };

describe('createNoiseSchedule', () => {
  it('mixes each batch item by its own timestep', () => {
    const schedule = createNoiseSchedule(STABLE_DIFFUSION);
    const x = Float32Array.of(1, 1, 1, 1);
    const noise = Float32Array.of(0, 1, 0, 1);
    const noisy = schedule.addNoise(x, noise, [0, 999]);
    const [first = NaN, last = NaN] = [schedule.alphasCumprod[0], schedule.alphasCumprod[999]];
    expect(noisy[0]).toBeCloseTo(Math.sqrt(first), 6);
    expect(noisy[1]).toBeCloseTo(Math.sqrt(first) + Math.sqrt(1 - first), 6);
    expect(noisy[2]).toBeCloseTo(Math.sqrt(last), 6);
    const velocity = schedule.velocity(x, noise, [0, 999]);
    expect(velocity[3]).toBeCloseTo(Math.sqrt(last) - Math.sqrt(1 - last), 6);
    expect(schedule.snr(999)).toBeCloseTo(last / (1 - last), 8);
    expect(() => schedule.addNoise(x, noise, [0, 1, 2])).toThrow(/items of equal size/);
    expect(() => schedule.addNoise(x, noise, [0, 1000])).toThrow(/timestep 1000/);
  });

  it('leaves nothing of the image at the end of a zero-SNR schedule', () => {
    const schedule = createNoiseSchedule({ ...STABLE_DIFFUSION, rescale_betas_zero_snr: true });
    expect(schedule.alphasCumprod[999]).toBe(0);
    expect(schedule.snr(999)).toBe(0);
    expect(schedule.alphasCumprod[0]).toBeCloseTo(1 - 0.00085, 6);
  });

  it('takes trained betas as they are', () => {
    const schedule = createNoiseSchedule({ trained_betas: [0.1, 0.2], num_train_timesteps: 2 });
    expect(schedule.numTrainTimesteps).toBe(2);
    expect(schedule.alphasCumprod[1]).toBeCloseTo(0.72, 6);
    expect(() => createNoiseSchedule({ trained_betas: [0.1], num_train_timesteps: 2 })).toThrow(/disagree/);
  });

  it('lists every field that it cannot honour', () => {
    const config = {
      beta_schedule: 'sigmoid',
      thresholding: true,
      prediction_type: 'flow',
      betaStart: 1,
      shift: 3,
    };
    expect.assertions(6);
    try {
      createNoiseSchedule(config, 'model/scheduler');
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      for (const field of [
        'beta_schedule',
        'thresholding: only false',
        'prediction_type',
        'betaStart',
        'shift',
      ]) {
        expect((error as ConfigError).message).toContain(field);
      }
    }
  });

  it('reads the bare -Infinity that Python writes', () => {
    const text =
      '{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "steps_offset": 1}';
    expect(parseSchedulerConfig(parseModelJson(text, 'x')).steps_offset).toBe(1);
  });
});
