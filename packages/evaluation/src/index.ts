// The public face of the evaluation: what a run is measured with, and what comes of it.
export type { EvaluationResult, Measures } from './result.ts';
export { loadImageEncoder } from './encoders/loadEncoder.ts';
export type { LoadEncoderOptions } from './encoders/loadEncoder.ts';

export { JUDGE_ROLES } from './judge.ts';
export type {
  Classifier,
  DistanceJudge,
  Judge,
  JudgeIdentity,
  JudgeRole,
  Judges,
  TextJudge,
} from './judge.ts';

export { dinoEvalPreprocessing, outputSize, preprocess } from './preprocessing/preprocess.ts';
export type { EncoderPixels, Preprocessing } from './preprocessing/preprocess.ts';
export { parsePreprocessorConfig, readPreprocessorConfig } from './preprocessing/preprocessorConfig.ts';

export { openLpips } from './lpips/openLpips.ts';
export type { LpipsJudge, OpenLpipsOptions } from './lpips/openLpips.ts';

export { byPrompt, featuresOf, select } from './records/record.ts';
export type { Evidence, JudgeRecord, PictureMaker, PictureRecord, PictureSet } from './records/record.ts';

export { cosine, meanCosineTo, meanPairwiseCosine } from './metrics/cosine.ts';
export { defineMetric } from './metrics/metric.ts';
export type { Metric, MetricDefinition, MetricValue } from './metrics/metric.ts';
export { computeMeasures, METRICS } from './metrics/computeMeasures.ts';
export type { Measured } from './metrics/computeMeasures.ts';
