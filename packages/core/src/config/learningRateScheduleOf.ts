import { learningRateSchedule, type LearningRateSchedule } from '../optimizer/lrSchedule.ts';
import type { ResolvedConfig } from './resolveConfig.ts';

/**
 * The schedule a config describes: factor on the learning rate by 0-based step.
 * @throws ConfigError when `lrStepRules` is missing or cannot be read
 */
export function learningRateScheduleOf(config: ResolvedConfig): LearningRateSchedule {
  return learningRateSchedule({
    name: config.lrScheduler,
    numWarmupSteps: config.lrWarmupSteps,
    numTrainingSteps: config.maxTrainSteps,
    numCycles: config.lrNumCycles,
    power: config.lrPower,
    initialLearningRate: config.learningRate,
    ...(config.lrStepRules === undefined ? {} : { stepRules: config.lrStepRules }),
  });
}
