// Cosines and means over features, in float64. What the metrics are made of, and anybody else's may be.

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

/** NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean cosine of one feature to each of some others. */
export function meanCosineTo(feature: ArrayLike<number>, others: readonly ArrayLike<number>[]): number {
  return mean(others.map((other) => cosine(feature, other)));
}

/** Mean cosine over all pairs of the two groups: not the cosine of their means, which says less. */
export function meanPairwiseCosine(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  return mean(a.map((feature) => meanCosineTo(feature, b)));
}

/** `1 - cos` of every pair within a group, in the order (0,1), (0,2), (1,2), … by the later one. */
export function featureDistances(features: readonly ArrayLike<number>[]): number[] {
  return features.flatMap((feature, i) =>
    features.slice(0, i).map((earlier) => 1 - cosine(earlier, feature)),
  );
}

/** Distance of two features as drift counts it, 0 … 1. */
export function drift(before: ArrayLike<number>, after: ArrayLike<number>): number {
  return (1 - cosine(before, after)) / 2;
}

/** Every group counts alike, however many values it has; empty ones do not count. NaN when all are empty. */
export function meanOfMeans(groups: Iterable<readonly number[]>): number {
  const means = [...groups].filter((values) => values.length > 0).map(mean);
  return mean(means);
}
