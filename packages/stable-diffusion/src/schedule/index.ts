export { createNoiseSchedule, type NoiseSchedule } from './noiseSchedule.ts';
export {
  parseSchedulerConfig,
  PREDICTION_TYPES,
  type PredictionType,
  type SchedulerConfig,
  type TimestepSpacing,
} from './schedulerConfig.ts';
