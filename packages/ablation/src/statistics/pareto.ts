// Pareto fronts: what no other point beats in everything.

export type Sense = 'max' | 'min';

/**
 * `a` is at least as good as `b` in every objective and better in one. Equal points do not dominate each other.
 */
export function dominates(a: readonly number[], b: readonly number[], senses: readonly Sense[]): boolean {
  const gains = senses.map(
    (sense, index) => ((a[index] ?? 0) - (b[index] ?? 0)) * (sense === 'max' ? 1 : -1),
  );
  return gains.every((gain) => gain >= 0) && gains.some((gain) => gain > 0);
}

/** Indices by layer: the front, then the front of what is left, … */
export function paretoLayers(points: readonly (readonly number[])[], senses: readonly Sense[]): number[][] {
  const layers: number[][] = [];
  let left = points.map((_, index) => index);
  while (left.length > 0) {
    const layer = left.filter(
      (index) => !left.some((other) => dominates(points[other] ?? [], points[index] ?? [], senses)),
    );
    layers.push(layer);
    left = left.filter((index) => !layer.includes(index));
  }
  return layers;
}

export function paretoFront(points: readonly (readonly number[])[], senses: readonly Sense[]): number[] {
  return paretoLayers(points, senses)[0] ?? [];
}
