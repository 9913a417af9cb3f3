// Settings every network's training has.
import { LEARNING_RATE_SCHEDULES, OPTIMIZERS } from '@likeness/core';
import { z } from 'zod';

export const positiveInt = z.int().positive();
export const positive = z.number().positive();
export const nonNegative = z.number().nonnegative();

export function option<Schema extends z.ZodType>(schema: Schema, description: string): Schema {
  return schema.meta({ description });
}

interface TrainingDefaults {
  readonly batchSize: number;
  readonly learningRate: number;
  readonly adamBeta2: number;
  readonly adamWeightDecay: number;
  readonly emaDecay: number;
  /** Default 100. */
  readonly lrWarmupSteps?: number;
  /** Default 0.5. */
  readonly lrHoldShare?: number;
}

/** What every network's training has. */
export function trainingFields(defaults: TrainingDefaults) {
  return {
    batchSize: option(positiveInt.default(defaults.batchSize), 'pictures a step'),
    maxTrainSteps: option(positiveInt.optional(), 'optimizer steps; default: as many as fit into maxMinutes'),
    maxMinutes: option(positive.optional(), 'stop after so many minutes of training'),
    learningRate: option(positive.default(defaults.learningRate), 'learning rate'),
    lrScheduler: option(z.enum(LEARNING_RATE_SCHEDULES).default('cosine'), 'how the learning rate changes'),
    lrWarmupSteps: option(
      z
        .int()
        .nonnegative()
        .default(defaults.lrWarmupSteps ?? 100),
      'steps in which the learning rate grows from 0',
    ),
    lrHoldShare: option(
      z
        .number()
        .min(0)
        .lt(1)
        .default(defaults.lrHoldShare ?? 0.5),
      'share of the steps at the full rate before the schedule begins',
    ),
    optimizer: option(z.enum(OPTIMIZERS).default('adamw'), 'optimizer'),
    adamBeta1: option(z.number().min(0).lt(1).default(0.9), 'decay of the mean of gradients'),
    adamBeta2: option(
      z.number().min(0).lt(1).default(defaults.adamBeta2),
      'decay of the mean of squared gradients',
    ),
    adamWeightDecay: option(nonNegative.default(defaults.adamWeightDecay), 'weight decay'),
    adamEpsilon: option(positive.default(1e-8), 'added to the denominator'),
    maxGradNorm: option(nonNegative.default(1), 'clip gradients to this global norm; 0: never'),
    emaDecay: option(
      z.number().min(0).lt(1).default(defaults.emaDecay),
      'decay of the moving average that is measured, sampled and exported; 0: none',
    ),
  };
}
