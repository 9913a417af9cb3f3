// Sizes of a paired effect, and the paired t-test.
import { logGamma, pValue, tQuantile, tSurvival, type Alternative } from './distributions.ts';
import { mean, rank, standardDeviation, sum } from './summary.ts';

export interface TTest {
  readonly t: number;
  readonly degrees: number;
  readonly p: Readonly<Record<Alternative, number>>;
  readonly interval: readonly [number, number];
}

/** One-sample t-test of differences against 0 (scipy's `ttest_rel`); NaN for a single difference. */
export function tTest(differences: readonly number[], confidence = 0.95): TTest {
  const degrees = differences.length - 1;
  const centre = mean(differences);
  const error = standardDeviation(differences) / Math.sqrt(differences.length);
  const t = centre / error;
  const tail = (value: number): number => tSurvival(value, degrees);
  const half = tQuantile((1 + confidence) / 2, degrees) * error;
  return {
    t,
    degrees,
    p: {
      'two-sided': pValue(t, tail, 'two-sided'),
      greater: pValue(t, tail, 'greater'),
      less: pValue(t, tail, 'less'),
    },
    interval: [centre - half, centre + half],
  };
}

export interface EffectSizes {
  /** Mean difference in units of the differences' standard deviation. */
  readonly cohenDz: number;
  /** Cohen's d_z without its bias in small samples (Hedges 1981, exact by gamma functions). */
  readonly hedgesGz: number;
  /** Mean difference in units of the mean of both standard deviations (Lakens 2013). */
  readonly cohenDav: number;
  /** P(a > b) - P(a < b) over all pairs, unpaired. */
  readonly cliffsDelta: number;
  /** P(a > b) + P(a = b) / 2 over all pairs, unpaired. */
  readonly probabilityOfSuperiority: number;
  /** Share of positive minus share of negative differences. */
  readonly pairedDominance: number;
  /** Rank sum of positive minus that of negative differences, over their sum: Wilcoxon's effect size. */
  readonly matchedRankBiserial: number;
}

export function effectSizes(
  a: readonly number[],
  b: readonly number[],
  differences: readonly number[],
): EffectSizes {
  const n = differences.length;
  const dz = mean(differences) / standardDeviation(differences);
  const [greater, less] = unpairedWins(a, b);
  const pairs = a.length * b.length;
  const nonzero = differences.filter((d) => d !== 0);
  const { ranks } = rank(nonzero.map(Math.abs));
  const signed = sum(ranks.map((value, index) => value * Math.sign(nonzero[index] ?? 0)));
  return {
    cohenDz: dz,
    hedgesGz: dz * hedgesFactor(n - 1),
    cohenDav: mean(differences) / ((standardDeviation(a) + standardDeviation(b)) / 2),
    cliffsDelta: (greater - less) / pairs,
    probabilityOfSuperiority: (greater + (pairs - greater - less) / 2) / pairs,
    pairedDominance: sum(differences.map(Math.sign)) / n,
    matchedRankBiserial: signed / sum(ranks),
  };
}

/** What Hedges' g multiplies d by. */
export function hedgesFactor(degrees: number): number {
  if (degrees < 2) return Number.NaN;
  return Math.exp(logGamma(degrees / 2) - logGamma((degrees - 1) / 2)) / Math.sqrt(degrees / 2);
}

/** Over all pairs of an `a` and a `b`: how often `a` is greater, how often less. */
export function unpairedWins(a: readonly number[], b: readonly number[]): [greater: number, less: number] {
  let [greater, less] = [0, 0];
  for (const x of a) {
    for (const y of b) {
      if (x > y) greater += 1;
      else if (x < y) less += 1;
    }
  }
  return [greater, less];
}

/** Exact two-sided binomial test that positive and negative differences are equally frequent; NaN when all are 0. */
export function signTest(differences: readonly number[]): {
  positive: number;
  nonzero: number;
  p: number;
} {
  const positive = differences.filter((d) => d > 0).length;
  const nonzero = differences.filter((d) => d !== 0).length;
  if (nonzero === 0) return { positive, nonzero, p: Number.NaN };
  const rarer = Math.min(positive, nonzero - positive);
  const tail = sum(
    Array.from({ length: rarer + 1 }, (_, k) =>
      Math.exp(logGamma(nonzero + 1) - logGamma(k + 1) - logGamma(nonzero - k + 1) - nonzero * Math.LN2),
    ),
  );
  return { positive, nonzero, p: Math.min(1, 2 * tail) };
}
