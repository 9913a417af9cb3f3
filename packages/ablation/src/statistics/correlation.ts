// Whether two measures rank alike: Pearson, Spearman, Kendall, with scipy's p-values.
import { betaCdf, normalCdf, normalQuantile, pValue, tSurvival } from './distributions.ts';
import { mean, rank, sum } from './summary.ts';

export interface Correlation {
  readonly coefficient: number;
  /** Two-sided. */
  readonly p: number;
}

/** Product-moment correlation; NaN when one side does not vary. */
export function pearson(
  a: readonly number[],
  b: readonly number[],
  confidence = 0.95,
): Correlation & { readonly interval: readonly [number, number] } {
  const r = productMoment(a, b);
  const n = a.length;
  // Fisher's transformation
  const half = normalQuantile((1 + confidence) / 2) / Math.sqrt(n - 3);
  const z = Math.atanh(r);
  const shape = n / 2 - 1;
  return {
    coefficient: r,
    p: Number.isNaN(r) ? Number.NaN : 2 * betaCdf((1 - Math.abs(r)) / 2, shape, shape),
    interval: [Math.tanh(z - half), Math.tanh(z + half)],
  };
}

/** Correlation of ranks. */
export function spearman(a: readonly number[], b: readonly number[]): Correlation {
  const rho = productMoment(rank(a).ranks, rank(b).ranks);
  const degrees = a.length - 2;
  const t = rho * Math.sqrt(degrees / ((1 + rho) * (1 - rho)));
  return { coefficient: rho, p: pValue(t, (value) => tSurvival(value, degrees), 'two-sided') };
}

/** Kendall's τ_b. `auto` is exact without ties for few values, else asymptotic. */
export function kendall(
  a: readonly number[],
  b: readonly number[],
  method: 'auto' | 'exact' | 'asymptotic' = 'auto',
): Correlation {
  const n = a.length;
  let [concordant, discordant] = [0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const sign = Math.sign((a[i] ?? 0) - (a[j] ?? 0)) * Math.sign((b[i] ?? 0) - (b[j] ?? 0));
      if (sign > 0) concordant += 1;
      else if (sign < 0) discordant += 1;
    }
  }
  const pairs = (n * (n - 1)) / 2;
  const [tiesA, tiesB] = [rank(a).ties, rank(b).ties];
  const tied = (ties: readonly number[]): number => sum(ties.map((size) => (size * (size - 1)) / 2));
  const tau = (concordant - discordant) / Math.sqrt(pairs - tied(tiesA)) / Math.sqrt(pairs - tied(tiesB));
  if (Number.isNaN(tau)) return { coefficient: tau, p: Number.NaN };
  const coefficient = Math.min(1, Math.max(-1, tau));
  const hasTies = tied(tiesA) > 0 || tied(tiesB) > 0;
  const few = n <= 33 || Math.min(discordant, pairs - discordant) <= 1;
  const exact = method === 'exact' || (method === 'auto' && !hasTies && few);
  if (exact && hasTies) throw new RangeError("Kendall's exact p-value has no meaning with ties");
  const p = exact
    ? exactKendall(n, Math.min(discordant, pairs - discordant))
    : asymptoticKendall(n, concordant - discordant, tiesA, tiesB);
  return { coefficient, p };
}

/** Two-sided, from the number of permutations of n with at most `inversions` inversions. */
function exactKendall(n: number, inversions: number): number {
  // Shares instead of counts: 60! does not fit.
  let shares = [1];
  for (let size = 2; size <= n; size++) {
    const length = shares.length + size - 1;
    const next = new Array<number>(length).fill(0);
    shares.forEach((share, index) => {
      for (let added = 0; added < size; added++) {
        next[index + added] = (next[index + added] ?? 0) + share / size;
      }
    });
    shares = next;
  }
  return Math.min(1, 2 * sum(shares.slice(0, inversions + 1)));
}

function asymptoticKendall(
  n: number,
  balance: number,
  tiesA: readonly number[],
  tiesB: readonly number[],
): number {
  const over = (ties: readonly number[], f: (size: number) => number): number => sum(ties.map(f));
  const two = (size: number): number => size * (size - 1);
  const three = (size: number): number => size * (size - 1) * (size - 2);
  const five = (size: number): number => two(size) * (2 * size + 5);
  const variance =
    (two(n) * (2 * n + 5) - over(tiesA, five) - over(tiesB, five)) / 18 +
    (over(tiesA, two) * over(tiesB, two)) / (2 * two(n)) +
    (over(tiesA, three) * over(tiesB, three)) / (9 * three(n));
  return pValue(balance / Math.sqrt(variance), (value) => normalCdf(-value), 'two-sided');
}

function productMoment(a: readonly number[], b: readonly number[]): number {
  const [centreA, centreB] = [mean(a), mean(b)];
  const product = (x: (index: number) => number, y: (index: number) => number): number =>
    sum(a.map((_, index) => x(index) * y(index)));
  const [da, db] = [
    (index: number) => (a[index] ?? 0) - centreA,
    (index: number) => (b[index] ?? 0) - centreB,
  ];
  const r = product(da, db) / Math.sqrt(product(da, da) * product(db, db));
  return Math.min(1, Math.max(-1, r));
}
