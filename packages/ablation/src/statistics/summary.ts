// Means, quantiles and ranks, as numpy and scipy define them. Everything above is built of these.

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** With n - 1 in the denominator; NaN for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  // Equal values have no spread; the rounding of their mean must not give them one.
  if (values.length > 1 && values.every((value) => value === values[0])) return 0;
  const centre = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1));
}

/** Linear interpolation between order statistics (numpy's default). */
export function quantile(values: readonly number[], level: number): number {
  return sortedQuantile(ascending(values), level);
}

/** {@link quantile} of values in ascending order. */
export function sortedQuantile(sorted: readonly number[], level: number): number {
  if (sorted.length === 0 || !(level >= 0 && level <= 1)) return Number.NaN;
  const position = level * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[below + 1] ?? low;
  return low + (high - low) * (position - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Mean without the ⌊n · share⌋ smallest and largest values (scipy's `trim_mean`): no fractional weights. */
export function trimmedMean(values: readonly number[], share: number): number {
  const cut = Math.floor(values.length * share);
  return mean(ascending(values).slice(cut, values.length - cut));
}

/** Mean of the middle half (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice"). */
export function interquartileMean(values: readonly number[]): number {
  return trimmedMean(values, 0.25);
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

export interface Ranks {
  /** From 1; tied values share the mean of their ranks. */
  readonly ranks: readonly number[];
  /** How many values each group of equal ones has, in ascending order of the values. */
  readonly ties: readonly number[];
}

export function rank(values: readonly number[]): Ranks {
  const order = values.map((_, index) => index).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(values.length).fill(0);
  const ties: number[] = [];
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end += 1;
    for (const index of order.slice(start, end)) ranks[index] = (start + 1 + end) / 2;
    ties.push(end - start);
    start = end;
  }
  return { ranks, ties };
}

/**
 * Differences `a - b`, rounded to `digits` decimals: 0.63 - 0.60 and 0.43 - 0.40 are different doubles, and a rank test
 * must see the tie.
 */
export function differences(a: readonly number[], b: readonly number[], digits = 10): number[] {
  if (a.length !== b.length) throw new RangeError(`${a.length} values cannot be paired with ${b.length}`);
  const scale = 10 ** digits;
  return a.map((value, index) => Math.round((value - (b[index] ?? Number.NaN)) * scale) / scale);
}

/** Values by group, groups in the order of their first value. */
export function groupBy<T>(values: readonly T[], groups: readonly (string | number)[]): T[][] {
  const found = new Map<string | number, T[]>();
  values.forEach((value, index) => {
    const group = groups[index] ?? '';
    const members = found.get(group);
    if (members === undefined) found.set(group, [value]);
    else members.push(value);
  });
  return [...found.values()];
}
