// Differences that belong together (pictures of one subject): standard errors, intervals and tests that know it.
import { pValue, tQuantile, tSurvival } from './distributions.ts';
import { mean, standardDeviation, sum } from './summary.ts';

export interface ClusterRobust {
  readonly mean: number;
  /** As if every difference were its own cluster. */
  readonly naiveError: number;
  /** Sandwich estimate without and with the correction √(G / (G - 1)). */
  readonly cr0Error: number;
  readonly cr1Error: number;
  readonly t: number;
  /** Two-sided, t with G - 1 degrees of freedom. */
  readonly p: number;
  readonly interval: readonly [number, number];
  /** Share of the variance that lies between clusters: ICC(1) of a one-way analysis of variance. */
  readonly icc: number;
  /** Mean cluster size ICC(1) reckons with. */
  readonly typicalSize: number;
  /** How much larger than naive the variance of the mean is. */
  readonly designEffect: number;
}

/**
 * Cluster-robust inference on the pooled mean (statsmodels' `cov_type="cluster"` of a regression on a constant).
 * @param clusters the differences of each cluster
 */
export function clusterRobust(clusters: readonly (readonly number[])[], confidence = 0.95): ClusterRobust {
  const all = clusters.flat();
  const [groups, n] = [clusters.length, all.length];
  const centre = mean(all);
  const naiveError = standardDeviation(all) / Math.sqrt(n);
  const scores = clusters.map((members) => sum(members.map((value) => value - centre)));
  const cr0Error = Math.sqrt(sum(scores.map((score) => score ** 2))) / n;
  const cr1Error = cr0Error * Math.sqrt(groups / (groups - 1));
  const t = centre / cr1Error;
  const half = tQuantile((1 + confidence) / 2, groups - 1) * cr1Error;
  return {
    mean: centre,
    naiveError,
    cr0Error,
    cr1Error,
    t,
    p: pValue(t, (value) => tSurvival(value, groups - 1), 'two-sided'),
    interval: [centre - half, centre + half],
    ...intraclass(clusters, centre),
    designEffect: (cr1Error / naiveError) ** 2,
  };
}

function intraclass(
  clusters: readonly (readonly number[])[],
  centre: number,
): Pick<ClusterRobust, 'icc' | 'typicalSize'> {
  const n = sum(clusters.map((members) => members.length));
  const freedom = clusters.length - 1;
  const between = sum(clusters.map((members) => members.length * (mean(members) - centre) ** 2)) / freedom;
  const within =
    sum(clusters.flatMap((members) => members.map((value) => (value - mean(members)) ** 2))) /
    (n - clusters.length);
  const typicalSize = (n - sum(clusters.map((members) => members.length ** 2)) / n) / freedom;
  return { icc: (between - within) / (between + (typicalSize - 1) * within), typicalSize };
}

/** Mean of everything: large clusters weigh more. */
export function pooledMean(clusters: readonly (readonly number[])[]): number {
  return sum(clusters.map(sum)) / sum(clusters.map((members) => members.length));
}

/** Every cluster weighs the same. */
export function meanOfMeans(clusters: readonly (readonly number[])[]): number {
  return mean(clusters.map(mean));
}
