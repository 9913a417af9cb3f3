// One method against the baseline on one metric: pairs with the same subject and seed, what they differ by, how sure
// that is, and how large a difference would have had to be to be seen.
import { createRng } from '@likeness/core';
import { probabilityOfImprovement } from './aggregates.ts';
import { bootstrapIntervals, jackknifed, resampled, type Interval } from './bootstrap.ts';
import { clusterRobust, meanOfMeans } from './clusters.ts';
import { effectSizes, hedgesFactor, tTest } from './effectSizes.ts';
import { adjustP } from './multiplicity.ts';
import { minimumDetectableEffect } from './power.ts';
import { signFlipTest } from './signFlip.ts';
import { differences, groupBy, interquartileMean, mean, standardDeviation } from './summary.ts';
import { wilcoxonSignedRank } from './wilcoxon.ts';

/** Scores of the same subject and seed. */
export interface Pair {
  readonly subject: string;
  readonly seed: number;
  readonly candidate: number;
  readonly baseline: number;
}

export interface ComparisonOptions {
  readonly alpha?: number;
  readonly power?: number;
  readonly confidence?: number;
  readonly resamples?: number;
  /** Of the resampling. */
  readonly seed?: number;
}

const DEFAULTS = { alpha: 0.05, power: 0.8, confidence: 0.95, resamples: 10_000, seed: 0 };

/**
 * From this many subjects on, subjects are the units: what is found holds for further subjects. With fewer, pairs are,
 * and what is found holds for these subjects and further seeds.
 */
export const FEWEST_SUBJECTS = 5;

/** With fewer units nothing is tested: Student's t of two decides by how alike two numbers happen to be. */
const FEWEST_UNITS = 3;

export type Unit = 'subject' | 'pair';
/** `none` where units are too few to test. */
export type TestName = 'sign flips' | 't-test' | 'none';

export interface Comparison {
  readonly pairs: number;
  readonly subjects: number;
  readonly unit: Unit;
  /** Number of units. */
  readonly units: number;
  readonly candidateMean: number;
  readonly baselineMean: number;
  readonly candidateIqm: number;
  readonly baselineIqm: number;
  /** Mean over subjects of the mean difference: every subject weighs the same. */
  readonly difference: number;
  /** Bootstrap over units (of whole subjects, or of the pairs within each); BCa, percentile where BCa is undefined. */
  readonly interval: Interval;
  readonly intervalMethod: 'BCa' | 'percentile' | 'none';
  /** Student's t over units; wider, and safer with few of them. */
  readonly tInterval: Interval;
  /** What decides, chosen by the design alone. */
  readonly test: TestName;
  /** NaN where nothing is tested. */
  readonly p: number;
  /** Holm's, over the comparisons given together. */
  readonly adjustedP: number;
  /** Smallest p-value sign flips of so many units can give. */
  readonly smallestP: number;
  readonly signFlipP: number;
  readonly tTestP: number;
  /** Over pairs, as if they were independent. */
  readonly wilcoxonP: number;
  /** Hedges' g of the units' differences. */
  readonly effectSize: number;
  readonly matchedRankBiserial: number;
  readonly probabilityOfImprovement: number;
  /** Share of the differences' variance that lies between subjects; NaN for one subject. */
  readonly intraclassCorrelation: number;
  /** In the metric's unit, for the test at α over the number of comparisons. */
  readonly minimumDetectable: number;
  readonly verdict: Verdict;
}

export type Verdict = 'higher' | 'lower' | 'not detectable' | 'not testable';

/**
 * Compares candidates with a baseline on one metric; p-values are adjusted over them.
 * @param candidates pairs of each; one without pairs is not testable
 */
export function compareWithBaseline(
  candidates: readonly (readonly Pair[])[],
  options: ComparisonOptions = {},
): Comparison[] {
  const settings = { ...DEFAULTS, ...options };
  const family = candidates.filter((pairs) => pairs.length > 0).length;
  const compared = candidates.map((pairs) => comparePairs(pairs, family, settings));
  const testable = compared.filter(({ p }) => !Number.isNaN(p));
  const adjusted = adjustP(testable.map(({ p }) => p));
  return compared.map((comparison) => {
    const adjustedP = adjusted[testable.indexOf(comparison)] ?? Number.NaN;
    return { ...comparison, adjustedP, verdict: verdictOf(comparison, adjustedP, settings.alpha) };
  });
}

type Unadjusted = Omit<Comparison, 'adjustedP' | 'verdict'>;

function comparePairs(
  pairs: readonly Pair[],
  family: number,
  { alpha, power, confidence, resamples, seed }: Required<ComparisonOptions>,
): Unadjusted {
  const candidate = pairs.map((pair) => pair.candidate);
  const baseline = pairs.map((pair) => pair.baseline);
  const all = differences(candidate, baseline);
  const subjects = pairs.map((pair) => pair.subject);
  const clusters = groupBy(all, subjects);
  const unit: Unit = clusters.length >= FEWEST_SUBJECTS ? 'subject' : 'pair';
  const units = unit === 'subject' ? clusters.map(mean) : all;
  const smallestP = Math.min(1, 2 ** (1 - units.length));
  const test = decidingTest(units.length, smallestP * family <= alpha);
  const rng = createRng(seed);
  const signFlipP =
    units.length === 0
      ? Number.NaN
      : signFlipTest(units, () => rng.stream('sign flips', 0, 0)).p['two-sided'];
  const t = tTest(units, confidence);
  const tTestP = t.p['two-sided'];
  const deviation = standardDeviation(units);
  return {
    pairs: pairs.length,
    subjects: clusters.length,
    unit,
    units: units.length,
    candidateMean: meanOfMeans(groupBy(candidate, subjects)),
    baselineMean: meanOfMeans(groupBy(baseline, subjects)),
    candidateIqm: interquartileMean(candidate),
    baselineIqm: interquartileMean(baseline),
    difference: meanOfMeans(clusters),
    ...bootstrapped(clusters, unit, { confidence, resamples, seed }),
    tInterval: t.interval,
    test,
    // Without any spread the t-test divides by 0.
    p: { 'sign flips': signFlipP, 't-test': deviation === 0 ? signFlipP : tTestP, none: Number.NaN }[test],
    smallestP,
    signFlipP,
    tTestP,
    wilcoxonP: wilcoxonOf(all),
    effectSize: (mean(units) / deviation) * hedgesFactor(units.length - 1),
    matchedRankBiserial: effectSizes(candidate, baseline, all).matchedRankBiserial,
    probabilityOfImprovement: probabilityOfImprovement(
      groupBy(candidate, subjects),
      groupBy(baseline, subjects),
    ),
    intraclassCorrelation: clusters.length > 1 ? clusterRobust(clusters).icc : Number.NaN,
    minimumDetectable: minimumDetectableEffect(units.length, power, { alpha: alpha / family }) * deviation,
  };
}

function decidingTest(units: number, signFlipsReachAlpha: boolean): TestName {
  if (units < FEWEST_UNITS) return 'none';
  return signFlipsReachAlpha ? 'sign flips' : 't-test';
}

/** Exact with ties and zeros up to scipy's limit of its exact table, then its normal approximation. */
function wilcoxonOf(all: readonly number[]): number {
  if (all.every((value) => value === 0)) return all.length === 0 ? Number.NaN : 1;
  return wilcoxonSignedRank(all, { method: all.length <= 50 ? 'permutation' : 'asymptotic' }).p;
}

/** Subjects are drawn whole; with few of them all stay, and their pairs are drawn. */
function bootstrapped(
  clusters: readonly (readonly number[])[],
  unit: Unit,
  { confidence, resamples, seed }: Pick<Required<ComparisonOptions>, 'confidence' | 'resamples' | 'seed'>,
): Pick<Comparison, 'interval' | 'intervalMethod'> {
  const estimate = meanOfMeans(clusters);
  const enough = unit === 'subject' ? clusters.length > 1 : clusters.some((members) => members.length > 1);
  if (!enough) return { interval: [Number.NaN, Number.NaN], intervalMethod: 'none' };
  let replicates: number[];
  let jackknife: number[];
  if (unit === 'subject') {
    const means = clusters.map(mean);
    replicates = resampled(means, clusterRows(means.length, { resamples, seed }), mean);
    jackknife = jackknifed(means, mean);
  } else {
    const stream = createRng(seed).stream('stratified bootstrap', 0, 0);
    replicates = Array.from({ length: resamples }, () =>
      mean(
        clusters.map((members) =>
          mean(Array.from(stream.integers(members.length, 0, members.length), (i) => members[i] ?? 0)),
        ),
      ),
    );
    jackknife = clusters.flatMap((members, at) =>
      members.map((_, left) =>
        meanOfMeans(clusters.map((own, index) => (index === at ? own.filter((__, i) => i !== left) : own))),
      ),
    );
  }
  const { bca, percentile } = bootstrapIntervals(estimate, replicates, jackknife, confidence);
  return bca.some(Number.isNaN)
    ? { interval: percentile, intervalMethod: 'percentile' }
    : { interval: bca, intervalMethod: 'BCa' };
}

/** Which clusters each resample draws: the same for every metric and method of as many clusters. */
export function clusterRows(
  clusters: number,
  { resamples, seed }: Pick<Required<ComparisonOptions>, 'resamples' | 'seed'>,
): Int32Array[] {
  const drawn = createRng(seed)
    .stream('cluster bootstrap', 0, 0)
    .integers(resamples * clusters, 0, clusters);
  return Array.from({ length: resamples }, (_, row) => drawn.subarray(row * clusters, (row + 1) * clusters));
}

function verdictOf({ p, difference }: Unadjusted, adjustedP: number, alpha: number): Verdict {
  if (Number.isNaN(p)) return 'not testable';
  if (adjustedP > alpha) return 'not detectable';
  return difference > 0 ? 'higher' : 'lower';
}
