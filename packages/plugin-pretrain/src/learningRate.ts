// The factor on the learning rate: warm-up and a hold at the full rate, then the schedule over the steps that are left.
import { learningRateSchedule, type LearningRateSchedule } from '@likeness/core';
import type { TrainingConfig } from './schema.ts';

type RateSettings = Pick<TrainingConfig, 'learningRate' | 'lrScheduler' | 'lrWarmupSteps' | 'lrHoldShare'>;

/** @param total steps in all */
export function rateSchedule(settings: RateSettings, total: number): LearningRateSchedule {
  const { learningRate, lrScheduler, lrWarmupSteps, lrHoldShare } = settings;
  // A short run warms up over a tenth of it at most: otherwise it would never reach its rate.
  const warmup = Math.min(lrWarmupSteps, Math.floor(total / 10));
  const hold = Math.max(warmup, Math.floor(lrHoldShare * total));
  const after = learningRateSchedule({
    name: lrScheduler,
    numTrainingSteps: Math.max(1, total - hold),
    initialLearningRate: learningRate,
  });
  return (step) => (step < warmup ? (step + 1) / (warmup + 1) : step < hold ? 1 : after(step - hold));
}
