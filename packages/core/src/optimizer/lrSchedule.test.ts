import { ConfigError } from '@likeness/engine';
import { describe, expect, it } from 'vitest';

import { learningRateSchedule } from './lrSchedule.ts';

describe('learningRateSchedule', () => {
  it('refuses an unknown name with the list of known ones', () => {
    expect(() => learningRateSchedule({ name: 'cosin' })).toThrow(ConfigError);
    expect(() => learningRateSchedule({ name: 'cosin' })).toThrow(/cosine_with_restarts/);
  });

  it('needs the length of the run where it decays', () => {
    expect(() => learningRateSchedule({ name: 'linear' })).toThrow(/numTrainingSteps/);
    expect(learningRateSchedule({ name: 'constant_with_warmup', numWarmupSteps: 2 })(1)).toBe(0.5);
    expect(() => learningRateSchedule({ name: 'constant', numWarmupSteps: 0.1 })).toThrow(/numWarmupSteps/);
  });

  it('starts at the full rate without warm-up and stays at the end after it', () => {
    const options = { numTrainingSteps: 10, initialLearningRate: 1e-3 };
    for (const name of ['linear', 'cosine', 'cosine_with_restarts', 'polynomial']) {
      expect(learningRateSchedule({ ...options, name })(0)).toBe(1);
    }
    expect(learningRateSchedule({ ...options, name: 'linear' })(12)).toBe(0);
    expect(learningRateSchedule({ ...options, name: 'cosine_with_restarts' })(12)).toBe(0);
    expect(learningRateSchedule({ ...options, name: 'polynomial' })(12)).toBeCloseTo(1e-4, 12);
  });

  it('refuses a polynomial decay that would rise', () => {
    const options = { name: 'polynomial', numTrainingSteps: 10 };
    expect(() => learningRateSchedule({ ...options, initialLearningRate: 1e-8 })).toThrow(
      /initial learning rate/,
    );
    expect(() => learningRateSchedule(options)).toThrow(/got: nothing/);
  });

  it('reads step rules', () => {
    const multiplier = learningRateSchedule({ name: 'piecewise_constant', stepRules: '0.1:20,1:10,0.01' });
    expect([0, 9, 10, 19, 20, 100].map(multiplier)).toEqual([1, 1, 0.1, 0.1, 0.01, 0.01]);
    for (const stepRules of ['', '1:10', '1:x,2', '1:2:3,4']) {
      expect(() => learningRateSchedule({ name: 'piecewise_constant', stepRules })).toThrow(/step rules/);
    }
  });
});
