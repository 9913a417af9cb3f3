export { createNoiseSchedule, type NoiseSchedule } from './noiseSchedule.ts';
export {
  parseSchedulerConfig,
  type PredictionType,
  type SchedulerConfig,
  type TimestepSpacing,
} from './schedulerConfig.ts';
