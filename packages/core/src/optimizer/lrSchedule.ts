// How the learning rate moves over a run; reference: diffusers/optimization.py, get_scheduler.
import { ConfigError } from '@likeness/engine';

export const LEARNING_RATE_SCHEDULES = [
  'constant',
  'constant_with_warmup',
  'linear',
  'cosine',
  'cosine_with_restarts',
  'polynomial',
  'piecewise_constant',
] as const;
export type LearningRateScheduleName = (typeof LEARNING_RATE_SCHEDULES)[number];

export interface LearningRateScheduleOptions {
  /** One of `LEARNING_RATE_SCHEDULES`; a plain string, since it comes from flags and files. */
  name: string;
  /** Optimizer steps over which the rate rises linearly from 0. `constant` ignores it. Default 0. */
  numWarmupSteps?: number;
  /** Optimizer steps of the whole run, warm-up included. The constant schedules ignore it. */
  numTrainingSteps?: number;
  /** `cosine_with_restarts`: how often the cosine starts over. Default 1. */
  numCycles?: number;
  /** `polynomial`: default 1, a straight line. */
  power?: number;
  /** `polynomial` needs the rate itself, since it ends at an absolute one. */
  initialLearningRate?: number;
  /** `polynomial`: the rate at the end. Default 1e-7. */
  finalLearningRate?: number;
  /** `piecewise_constant`: `"1:10,0.1:20,0.01"` is 1 below step 10, 0.1 below step 20, then 0.01. */
  stepRules?: string;
}

/** Factor on the initial learning rate at a (0-based) optimizer step. */
export type LearningRateSchedule = (step: number) => number;

/** Throws a `ConfigError` for an unknown name (with the list of known ones) and for missing or impossible options. */
export function learningRateSchedule(options: LearningRateScheduleOptions): LearningRateSchedule {
  const { name, numWarmupSteps = 0, numCycles = 1, power = 1 } = options;
  requireSteps('numWarmupSteps', numWarmupSteps);

  /** A rise to 1, then `after` of the share of the remaining steps that is done (beyond 1 past the end). */
  const withWarmup = (after: LearningRateSchedule): LearningRateSchedule => {
    const numTrainingSteps = requireSteps('numTrainingSteps', options.numTrainingSteps);
    const decaySteps = Math.max(1, numTrainingSteps - numWarmupSteps);
    return (step) =>
      step < numWarmupSteps ? step / numWarmupSteps : after((step - numWarmupSteps) / decaySteps);
  };

  switch (name) {
    case 'constant':
      return () => 1;
    case 'constant_with_warmup':
      return (step) => (step < numWarmupSteps ? step / numWarmupSteps : 1);
    case 'linear':
      return withWarmup((progress) => Math.max(0, 1 - progress));
    case 'cosine':
      // Past the end the reference's cosine rises again, and so does this one.
      return withWarmup((progress) => Math.max(0, (1 + Math.cos(Math.PI * progress)) / 2));
    case 'cosine_with_restarts':
      return withWarmup((progress) =>
        progress >= 1 ? 0 : Math.max(0, (1 + Math.cos(Math.PI * ((numCycles * progress) % 1))) / 2),
      );
    case 'polynomial': {
      const finalMultiplier = polynomialEnd(options);
      return withWarmup((progress) =>
        progress > 1 ? finalMultiplier : (1 - finalMultiplier) * (1 - progress) ** power + finalMultiplier,
      );
    }
    case 'piecewise_constant':
      return piecewiseConstant(options.stepRules);
    default:
      throw new ConfigError('unknown learning-rate schedule', {
        code: 'config/schedule',
        where: 'learning-rate schedule',
        expected: LEARNING_RATE_SCHEDULES.join(', '),
        got: name,
      });
  }
}

function requireSteps(option: string, steps: number | undefined): number {
  if (steps === undefined || !Number.isInteger(steps) || steps < 0) {
    throw new ConfigError(`${option} must be a whole number of optimizer steps`, {
      code: 'config/schedule',
      where: 'learning-rate schedule',
      got: steps === undefined ? 'nothing' : String(steps),
    });
  }
  return steps;
}

function polynomialEnd({
  initialLearningRate,
  finalLearningRate = 1e-7,
}: LearningRateScheduleOptions): number {
  if (initialLearningRate === undefined || !(initialLearningRate > finalLearningRate)) {
    throw new ConfigError('polynomial decay needs an initial learning rate above its final one', {
      code: 'config/schedule',
      where: 'learning-rate schedule',
      expected: `more than ${finalLearningRate}`,
      got: initialLearningRate === undefined ? 'nothing' : String(initialLearningRate),
    });
  }
  return finalLearningRate / initialLearningRate;
}

function piecewiseConstant(stepRules: string | undefined): LearningRateSchedule {
  const parts = stepRules?.split(',') ?? [];
  const last = parts.pop() ?? '';
  const rules = parts.map((part) => {
    const [multiplier, untilStep, ...more] = part.split(':').map(toNumber);
    return more.length > 0
      ? { multiplier: NaN, untilStep: NaN }
      : { multiplier: multiplier ?? NaN, untilStep: untilStep ?? NaN };
  });
  const finalMultiplier = toNumber(last);
  const isWrong = rules.some(
    ({ multiplier, untilStep }) => Number.isNaN(multiplier) || !Number.isInteger(untilStep),
  );
  if (Number.isNaN(finalMultiplier) || isWrong) {
    throw new ConfigError('piecewise_constant needs step rules', {
      code: 'config/schedule',
      where: 'learning-rate schedule: stepRules',
      expected: 'MULTIPLIER:UNTIL_STEP,…,MULTIPLIER such as "1:10,0.1:20,0.01"',
      got: stepRules ?? 'nothing',
    });
  }
  rules.sort((a, b) => a.untilStep - b.untilStep);
  return (step) => rules.find(({ untilStep }) => step < untilStep)?.multiplier ?? finalMultiplier;
}

function toNumber(text: string): number {
  return text.trim() === '' ? NaN : Number(text);
}
