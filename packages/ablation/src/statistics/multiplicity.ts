// p-values of several tests at once (statsmodels' `multipletests`).

export type Adjustment =
  'holm' | 'bonferroni' | 'hochberg' | 'hommel' | 'benjamini-hochberg' | 'benjamini-yekutieli';

/** Adjusted p-values, in the order given: a test is significant at α when its adjusted p is at most α. */
export function adjustP(p: readonly number[], method: Adjustment = 'holm'): number[] {
  const order = p.map((_, index) => index).sort((a, b) => (p[a] ?? 0) - (p[b] ?? 0));
  const sorted = order.map((index) => p[index] ?? Number.NaN);
  const adjusted = SORTED[method](sorted).map((value) => Math.min(1, value));
  const result = new Array<number>(p.length).fill(Number.NaN);
  order.forEach((index, position) => (result[index] = adjusted[position] ?? Number.NaN));
  return result;
}

/** Of ascending p-values. */
const SORTED: Readonly<Record<Adjustment, (sorted: readonly number[]) => number[]>> = {
  // Steps down: never smaller than the one before.
  holm: (sorted) => neverFalling(sorted.map((p, index) => p * (sorted.length - index))),
  bonferroni: (sorted) => sorted.map((p) => p * sorted.length),
  // Step up: never larger than the one after.
  hochberg: (sorted) => neverRising(sorted.map((p, index) => p * (sorted.length - index))),
  'benjamini-hochberg': (sorted) => neverRising(sorted.map((p, index) => (p * sorted.length) / (index + 1))),
  'benjamini-yekutieli': (sorted) => {
    const harmonic = sorted.reduce((total, _, index) => total + 1 / (index + 1), 0);
    return neverRising(sorted.map((p, index) => (p * sorted.length * harmonic) / (index + 1)));
  },
  hommel,
};

/** Hommel 1988, by the algorithm of Wright 1992. */
function hommel(sorted: readonly number[]): number[] {
  const n = sorted.length;
  const at = (index: number): number => sorted[index] ?? 1;
  const adjusted = [...sorted];
  for (let m = n; m > 1; m--) {
    const tail = Array.from({ length: m - 1 }, (_, i) => (m * at(n - m + 1 + i)) / (i + 2));
    const least = Math.min(...tail);
    for (let i = n - m + 1; i < n; i++) adjusted[i] = Math.max(adjusted[i] ?? 0, least);
    for (let i = 0; i < n - m + 1; i++) adjusted[i] = Math.max(adjusted[i] ?? 0, Math.min(least, m * at(i)));
  }
  return adjusted;
}

function neverFalling(values: readonly number[]): number[] {
  let highest = 0;
  return values.map((value) => (highest = Math.max(highest, value)));
}

function neverRising(values: readonly number[]): number[] {
  let lowest = Number.POSITIVE_INFINITY;
  return [...values]
    .reverse()
    .map((value) => (lowest = Math.min(lowest, value)))
    .reverse();
}
