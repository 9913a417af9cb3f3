// Wilcoxon's signed rank test of paired differences, with scipy's rules for zeros, ties and the choice of a method.
import { normalCdf, pValue, type Alternative } from './distributions.ts';
import { flipTails } from './signFlip.ts';
import { rank, sum } from './summary.ts';

/** `wilcox` drops zeros, `pratt` ranks and then drops them, `zsplit` gives half of their ranks to either side. */
export type ZeroMethod = 'wilcox' | 'pratt' | 'zsplit';
/** `exact` is scipy's: a table without ties. `permutation` is right with ties and zeros. */
export type WilcoxonMethod = 'auto' | 'exact' | 'asymptotic' | 'permutation';

export interface WilcoxonOptions {
  readonly alternative?: Alternative;
  readonly zeroMethod?: ZeroMethod;
  readonly method?: WilcoxonMethod;
  /** Continuity correction of the normal approximation. */
  readonly correction?: boolean;
}

export interface Wilcoxon {
  /** Rank sum of the positive differences; the smaller of both rank sums for a two-sided test. */
  readonly statistic: number;
  readonly p: number;
  /** Of the normal approximation, where it was used. */
  readonly z?: number;
  readonly method: Exclude<WilcoxonMethod, 'auto'>;
}

/** Beyond these numbers of differences scipy's `auto` leaves the exact distribution, and permutations. */
const MOST_EXACT = 50;
const MOST_PERMUTED = 13;

/** @param differences with equal ones equal as doubles: see `differences()` */
export function wilcoxonSignedRank(
  differences: readonly number[],
  {
    alternative = 'two-sided',
    zeroMethod = 'wilcox',
    method = 'auto',
    correction = false,
  }: WilcoxonOptions = {},
): Wilcoxon {
  const ranked = signedRanks(differences, zeroMethod);
  const { plus, minus } = ranked;
  const statistic = alternative === 'two-sided' ? Math.min(plus, minus) : plus;
  const chosen = method === 'auto' ? automatic(differences, ranked) : method;
  if (chosen === 'asymptotic') {
    const { z, p } = asymptotic(ranked, alternative, correction);
    return { statistic, p, z: alternative === 'two-sided' ? -Math.abs(z) : z, method: chosen };
  }
  const p = chosen === 'exact' ? tabulated(ranked, alternative) : permuted(ranked)[alternative];
  return { statistic, p, method: chosen };
}

interface SignedRanks {
  readonly plus: number;
  readonly minus: number;
  /** Ranks of the differences other than 0. */
  readonly nonzero: readonly number[];
  /** Rank sum of the positive ones among them. */
  readonly positive: number;
  /** How many differences count, and how many of them are 0. */
  readonly count: number;
  readonly zeros: number;
  /** Sizes of groups of tied magnitudes; zeros are none for `pratt`. */
  readonly ties: readonly number[];
  readonly zeroMethod: ZeroMethod;
}

function signedRanks(differences: readonly number[], zeroMethod: ZeroMethod): SignedRanks {
  const counted = zeroMethod === 'wilcox' ? differences.filter((d) => d !== 0) : differences;
  const { ranks, ties } = rank(counted.map(Math.abs));
  const rankSum = (belongs: (d: number) => boolean): number =>
    sum(ranks.filter((_, index) => belongs(counted[index] ?? 0)));
  const zeros = counted.filter((d) => d === 0).length;
  const half = zeroMethod === 'zsplit' ? rankSum((d) => d === 0) / 2 : 0;
  const positive = rankSum((d) => d > 0);
  return {
    plus: positive + half,
    minus: rankSum((d) => d < 0) + half,
    nonzero: ranks.filter((_, index) => counted[index] !== 0),
    positive,
    count: counted.length,
    zeros,
    ties: zeroMethod === 'pratt' && zeros > 0 ? ties.slice(1) : ties,
    zeroMethod,
  };
}

function automatic(differences: readonly number[], { ties }: SignedRanks): Wilcoxon['method'] {
  if (differences.length > MOST_EXACT) return 'asymptotic';
  if (!differences.includes(0) && ties.every((size) => size === 1)) return 'exact';
  return differences.length <= MOST_PERMUTED ? 'permutation' : 'asymptotic';
}

function asymptotic(
  { plus, count, zeros, ties, zeroMethod }: SignedRanks,
  alternative: Alternative,
  correction: boolean,
): { z: number; p: number } {
  const dropped = zeroMethod === 'pratt' ? zeros : 0; // Cureton 1967
  const triangle = (n: number): number => n * (n + 1);
  const expected = (triangle(count) - triangle(dropped)) / 4;
  const squares = (n: number): number => n * (n + 1) * (2 * n + 1);
  const tied = sum(ties.map((size) => size ** 3 - size));
  const deviation = Math.sqrt((squares(count) - squares(dropped) - tied / 2) / 24);
  const raw = (plus - expected) / deviation;
  const side = alternative === 'two-sided' ? Math.sign(raw) : alternative === 'greater' ? 1 : -1;
  const z = correction ? raw - (side * 0.5) / deviation : raw;
  return { z, p: pValue(z, (value) => normalCdf(-value), alternative) };
}

/** The distribution of 1 … n without ties; a rank sum between two whole numbers counts as the more cautious one. */
function tabulated({ plus, count }: SignedRanks, alternative: Alternative): number {
  const ranks = Array.from({ length: count }, (_, index) => index + 1);
  const { greater } = flipTails(ranks, Math.floor(plus));
  const { less } = flipTails(ranks, Math.ceil(plus));
  if (alternative === 'two-sided') return Math.min(1, 2 * Math.min(greater, less));
  return alternative === 'greater' ? greater : less;
}

/** All sign patterns of the ranks there are: right with ties and zeros, for any n. */
function permuted({ nonzero, positive }: SignedRanks): Readonly<Record<Alternative, number>> {
  // Mid-ranks are halves.
  const doubled = nonzero.map((value) => Math.round(2 * value));
  return flipTails(doubled, Math.round(2 * positive));
}
