// Both sides compute in float64: rtol 1e-6, atol 1e-9.
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { learningRateSchedule } from './lrSchedule.ts';

interface Golden {
  config: { steps: number; warmup: number; cycles: number; power: number };
  lr_base: number;
  multiplier_used_by_step: Record<string, number[]>;
}
const path = new URL('../../../../fixtures/train-steps/lr-schedules.json', import.meta.url);
const { config, lr_base, multiplier_used_by_step } = JSON.parse(readFileSync(path, 'utf8')) as Golden;

describe("diffusers' get_scheduler", () => {
  it.each(Object.entries(multiplier_used_by_step))('%s', (name, expected) => {
    const multiplier = learningRateSchedule({
      name,
      numWarmupSteps: config.warmup,
      numTrainingSteps: config.steps,
      numCycles: config.cycles,
      power: config.power,
      initialLearningRate: lr_base,
    });
    expect(expected).toHaveLength(config.steps);
    expected.forEach((want, step) => {
      expect(Math.abs(multiplier(step) - want)).toBeLessThanOrEqual(1e-9 + 1e-6 * Math.abs(want));
    });
  });
});
