export { createNoiseSchedule, type NoiseSchedule } from './noiseSchedule.ts';
export {
  parseSchedulerConfig,
  parseSchedulerConfigText,
  type PredictionType,
  type SchedulerConfig,
  type TimestepSpacing,
} from './schedulerConfig.ts';
