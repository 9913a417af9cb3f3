// The permutation test of paired differences: under "no difference" every difference is as likely with the other sign.
// Exact where the sign patterns can be counted, else drawn.
import type { RandomStream } from '@likeness/core';
import type { Alternative } from './distributions.ts';
import { sum } from './summary.ts';

/** 2^20 sums take some milliseconds. */
const MOST_ENUMERATED = 20;

export interface PermutationP {
  /** P-value per alternative, the observed pattern included. */
  readonly p: Readonly<Record<Alternative, number>>;
  readonly exact: boolean;
}

/**
 * Tests that differences are symmetric about 0, by their sum, over all 2^n sign patterns; with more than 20 differences
 * over `draws` random ones: (1 + count) / (1 + draws).
 * @param stream random bits for the drawn patterns
 */
export function signFlipTest(
  values: readonly number[],
  stream: () => RandomStream,
  draws = 20_000,
): PermutationP {
  if (values.length <= MOST_ENUMERATED) return { p: enumerated(values), exact: true };
  const bits = stream();
  const patterns = Array.from({ length: draws }, () =>
    Array.from(bits.uniform(values.length), (u) => (u < 0.5 ? -1 : 1)),
  );
  return { p: signFlipP(values, patterns), exact: false };
}

/**
 * The shifts that the two-sided test does not refuse: the test turned into an interval. Flipping the signs of a set of
 * values brings a sum shifted by θ to or above itself just where the set's weighted mean is at most θ, so the ends are
 * order statistics of such means over all sets (Maritz 1981, "Distribution-free statistical methods", chapter 1).
 * Infinite where no pattern of so many values can reach the level.
 * @param weights of the values in the mean that is tested
 * @param stream as in {@link signFlipTest}: with more than 20 values the same patterns are drawn
 */
export function signFlipInterval(
  values: readonly number[],
  weights: readonly number[],
  confidence: number,
  stream: () => RandomStream,
  draws = 20_000,
): readonly [low: number, high: number] {
  const isExact = values.length <= MOST_ENUMERATED;
  const means = isExact ? meansOfSubsets(values, weights) : meansOfDrawn(values, weights, stream(), draws);
  // The set of none is the observed pattern; it counts in the test and has no mean.
  const patterns = isExact ? means.length + 1 : draws + 1;
  // The slack is for levels that are a whole number of patterns but for rounding.
  const rank = Math.floor(((1 - confidence) / 2) * patterns + 1e-9);
  if (rank < 1) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  means.sort();
  return [means[rank - 1] ?? Number.NaN, means[means.length - rank] ?? Number.NaN];
}

/** Weighted means of all sets of values but the empty one. */
function meansOfSubsets(values: readonly number[], weights: readonly number[]): Float64Array {
  const [sums, totals] = [new Float64Array(2 ** values.length), new Float64Array(2 ** values.length)];
  values.forEach((value, index) => {
    const weight = weights[index] ?? 0;
    const known = 2 ** index;
    for (let set = 0; set < known; set++) {
      sums[known + set] = (sums[set] ?? 0) + weight * value;
      totals[known + set] = (totals[set] ?? 0) + weight;
    }
  });
  return sums.map((total, set) => total / (totals[set] ?? 0)).subarray(1);
}

/** Of the sets whose signs the drawn patterns flip; one that flips none is as the observed one. */
function meansOfDrawn(
  values: readonly number[],
  weights: readonly number[],
  bits: RandomStream,
  draws: number,
): Float64Array {
  return Float64Array.from({ length: draws }, () => {
    let [total, weight] = [0, 0];
    bits.uniform(values.length).forEach((u, index) => {
      if (u >= 0.5) return;
      total += (weights[index] ?? 0) * (values[index] ?? 0);
      weight += weights[index] ?? 0;
    });
    return total / weight;
  }).filter((mean) => !Number.isNaN(mean));
}

/** Monte Carlo p-values for given sign patterns. */
export function signFlipP(
  values: readonly number[],
  patterns: Iterable<ArrayLike<number>>,
): Readonly<Record<Alternative, number>> {
  const observed = sum(values);
  const slack = slackOf(values);
  let [greater, less, both, drawn] = [1, 1, 1, 1];
  for (const signs of patterns) {
    const flipped = values.reduce((total, value, index) => total + value * (signs[index] ?? 1), 0);
    if (flipped >= observed - slack) greater += 1;
    if (flipped <= observed + slack) less += 1;
    if (Math.abs(flipped) >= Math.abs(observed) - slack) both += 1;
    drawn += 1;
  }
  return { greater: greater / drawn, less: less / drawn, 'two-sided': both / drawn };
}

function enumerated(values: readonly number[]): Readonly<Record<Alternative, number>> {
  const observed = sum(values);
  const slack = slackOf(values);
  let [greater, less, both] = [0, 0, 0];
  // Depth first, so that a sum is of n terms and its rounding stays far below the slack.
  const visit = (index: number, total: number): void => {
    const value = values[index];
    if (value === undefined) {
      if (total >= observed - slack) greater += 1;
      if (total <= observed + slack) less += 1;
      if (Math.abs(total) >= Math.abs(observed) - slack) both += 1;
      return;
    }
    visit(index + 1, total + value);
    visit(index + 1, total - value);
  };
  visit(0, 0);
  const patterns = 2 ** values.length;
  return { greater: greater / patterns, less: less / patterns, 'two-sided': both / patterns };
}

/** Sums that differ by rounding only are equal. */
function slackOf(values: readonly number[]): number {
  return 1e-12 * sum(values.map(Math.abs));
}

/**
 * Tails of the sum of the positive part over all sign patterns of whole numbers, by convolution: exact for any n.
 * @param sizes magnitudes, whole numbers
 * @param observed their sum over those with a positive sign
 */
export function flipTails(sizes: readonly number[], observed: number): Readonly<Record<Alternative, number>> {
  let shares: number[] = [1];
  for (const size of sizes) {
    const next = new Array<number>(shares.length + size).fill(0);
    shares.forEach((share, total) => {
      next[total] = (next[total] ?? 0) + share / 2;
      next[total + size] = (next[total + size] ?? 0) + share / 2;
    });
    shares = next;
  }
  const greater = sum(shares.slice(observed));
  const less = sum(shares.slice(0, observed + 1));
  return { greater, less, 'two-sided': Math.min(1, 2 * Math.min(greater, less)) };
}
