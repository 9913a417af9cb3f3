// Statistics of paired, clustered, few scores; equal to scipy, statsmodels and rliable (docs/statistics.md).
export {
  aggregateScores,
  averageProfile,
  performanceProfile,
  probabilityOfImprovement,
  stratifiedResample,
} from './aggregates.ts';
export type { Aggregates, TaskScores } from './aggregates.ts';
export { bootstrapIntervals, jackknifed, resampled } from './bootstrap.ts';
export type { BootstrapIntervals, Interval } from './bootstrap.ts';
export { clusterRobust, meanOfMeans, pooledMean } from './clusters.ts';
export type { ClusterRobust } from './clusters.ts';
export { compareWithBaseline } from './comparison.ts';
export type { Comparison, ComparisonOptions, Pair, TestName, Unit, Verdict } from './comparison.ts';
export { kendall, pearson, spearman } from './correlation.ts';
export type { Correlation } from './correlation.ts';
export type { Alternative } from './distributions.ts';
export { effectSizes, signTest, tTest } from './effectSizes.ts';
export type { EffectSizes, TTest } from './effectSizes.ts';
export { anova, interactionEffects, marginalEffects, twoLevelEffects } from './factorial.ts';
export type { Anova, AnovaRow, MarginalEffects, Observation, TwoLevelEffect } from './factorial.ts';
export { adjustP } from './multiplicity.ts';
export type { Adjustment } from './multiplicity.ts';
export { paretoFront, paretoLayers } from './pareto.ts';
export type { Sense } from './pareto.ts';
export { minimumDetectableEffect, requiredDifferences, tTestPower } from './power.ts';
export type { PowerOptions } from './power.ts';
export { signFlipTest } from './signFlip.ts';
export type { PermutationP } from './signFlip.ts';
export { interquartileMean, quantile, trimmedMean } from './summary.ts';
export { wilcoxonSignedRank } from './wilcoxon.ts';
export type { Wilcoxon, WilcoxonMethod, WilcoxonOptions, ZeroMethod } from './wilcoxon.ts';
export { withinSubjectsAnova } from './withinSubjects.ts';
export type { RepeatedMeasure, WithinRow } from './withinSubjects.ts';
export { describeVerdict, judge } from './wording.ts';
export type { Better, Judgement } from './wording.ts';
