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
