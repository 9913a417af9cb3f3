// One method against the baseline on one metric: pairs with the same subject and seed, what they differ by, how sure
// that is, and how large a difference would have had to be to be seen.
import { createRng, type RandomStream } from '@likeness/core';
import { probabilityOfImprovement } from './aggregates.ts';
import type { Interval } from './bootstrap.ts';
import { clusterRobust, meanOfMeans } from './clusters.ts';
import { comparisonBootstrap, type ComparisonBootstrap } from './comparisonBootstrap.ts';
import { detectable, type Detectable } from './detectable.ts';
import { effectSizes, hedgesFactor } from './effectSizes.ts';
import { adjustP } from './multiplicity.ts';
import { signFlipInterval, signFlipTest } from './signFlip.ts';
import { stratifiedTest } from './strata.ts';
import { differences, groupBy, interquartileMean, mean } from './summary.ts';
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

/** With fewer degrees of freedom nothing is tested: Student's t of two decides by how alike two numbers happen to be. */
export const FEWEST_DEGREES = 2;

export type Unit = 'subject' | 'pair';
/** `none` where units are too few to test. */
export type TestName = 'sign flips' | 't-test' | 'none';

export interface Comparison extends ComparisonBootstrap, Detectable {
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
  /** Whether pairs are the units with subjects as strata: what varies is what varies within subjects. */
  readonly stratified: boolean;
  /** Of Student's t: subjects less one, or pairs less subjects; pairs less one where no subject has seeds enough. */
  readonly degrees: number;
  /** The deciding test turned into an interval; NaN where nothing is tested. */
  readonly interval: Interval;
  /** Student's t, whatever decides. */
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
  const stratified = unit === 'pair' && all.length - clusters.length >= FEWEST_DEGREES;
  const units = unit === 'subject' ? clusters.map(mean) : clusters.flat();
  // Every subject weighs the same, however many pairs it has: 1 where all have as many.
  const weights =
    unit === 'subject'
      ? units.map(() => 1)
      : clusters.flatMap((own) => own.map(() => all.length / (clusters.length * own.length)));
  const t = stratifiedTest(stratified ? clusters : [units], confidence);
  const smallestP = Math.min(1, 2 ** (1 - units.length));
  const test = decidingTest(t.degrees, smallestP * family <= alpha);
  const rng = createRng(seed);
  const flips = (): RandomStream => rng.stream('sign flips', 0, 0);
  const weighted = units.map((value, index) => value * (weights[index] ?? 1));
  const signFlipP = units.length === 0 ? Number.NaN : signFlipTest(weighted, flips).p['two-sided'];
  // Without any spread the t-test divides by 0.
  const tTestDecides = t.deviation === 0 ? signFlipP : t.p;
  const flipInterval = (): Interval => signFlipInterval(units, weights, confidence, flips);
  const intervals = {
    'sign flips': flipInterval,
    't-test': () => (t.deviation === 0 ? flipInterval() : t.interval),
    none: () => NONE,
  };
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
    stratified,
    degrees: t.degrees,
    interval: intervals[test](),
    tInterval: t.interval,
    ...comparisonBootstrap(clusters, unit, { confidence, resamples, seed }),
    test,
    p: { 'sign flips': signFlipP, 't-test': tTestDecides, none: Number.NaN }[test],
    smallestP,
    signFlipP,
    tTestP: t.p,
    wilcoxonP: wilcoxonOf(all),
    effectSize: (t.estimate / t.deviation) * hedgesFactor(t.degrees),
    matchedRankBiserial: effectSizes(candidate, baseline, all).matchedRankBiserial,
    probabilityOfImprovement: probabilityOfImprovement(
      groupBy(candidate, subjects),
      groupBy(baseline, subjects),
    ),
    intraclassCorrelation: clusters.length > 1 ? clusterRobust(clusters).icc : Number.NaN,
    ...detectable(clusters, {
      unit,
      stratified,
      power,
      alpha: alpha / family,
      fewestSubjects: FEWEST_SUBJECTS,
    }),
  };
}

const NONE: Interval = [Number.NaN, Number.NaN];

function decidingTest(degrees: number, signFlipsReachAlpha: boolean): TestName {
  if (!(degrees >= FEWEST_DEGREES)) return 'none';
  return signFlipsReachAlpha ? 'sign flips' : 't-test';
}

/** Exact with ties and zeros up to scipy's limit of its exact table, then its normal approximation. */
function wilcoxonOf(all: readonly number[]): number {
  if (all.every((value) => value === 0)) return all.length === 0 ? Number.NaN : 1;
  return wilcoxonSignedRank(all, { method: all.length <= 50 ? 'permutation' : 'asymptotic' }).p;
}

function verdictOf({ p, difference }: Unadjusted, adjustedP: number, alpha: number): Verdict {
  if (Number.isNaN(p)) return 'not testable';
  if (adjustedP > alpha) return 'not detectable';
  return difference > 0 ? 'higher' : 'lower';
}
