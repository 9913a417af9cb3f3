// The public face of the evaluation: what a run is measured with, and what comes of it.
export type { EvaluationResult, Measures } from './result.ts';
export { loadImageEncoder } from './encoders/loadEncoder.ts';
export type { LoadEncoderOptions } from './encoders/loadEncoder.ts';
export { createEncoder, identifyEncoder } from './encoders/createEncoder.ts';

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
export { findMetrics } from './metrics/findMetrics.ts';
export { defineMetric } from './metrics/metric.ts';
export type { Metric, MetricDefinition, MetricValue } from './metrics/metric.ts';
export { computeMeasures, METRICS } from './metrics/computeMeasures.ts';
export type { Measured } from './metrics/computeMeasures.ts';

export { evaluateSubject, EVALUATION_FOLDER, recomputeMeasures } from './evaluate.ts';
export type { EvaluateOptions, Evaluation } from './evaluate.ts';
export { classifierJudge, imageJudge, textJudge } from './judges/encoderJudge.ts';
export type { EncoderJudgeOptions } from './judges/encoderJudge.ts';
export { openJudges } from './judges/openJudges.ts';
export type { OpenJudgesOptions } from './judges/openJudges.ts';
export { UNRELATED_PROMPTS } from './sampling/plan.ts';
export { createSampleWatch } from './watch/sampleWatch.ts';
export type { SampleWatchOptions } from './watch/sampleWatch.ts';
export { parseStopRule } from './watch/stopRule.ts';
export type { StopRule } from './watch/stopRule.ts';
export { evaluationSchema } from './settings.ts';
export type { EvaluationInput, EvaluationSettings } from './settings.ts';
export type { EvaluationSubject } from './subject.ts';
