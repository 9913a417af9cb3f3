// How well features tell individuals apart: whether the nearest picture shows the same one, and whether pictures of one
// are nearer to each other than to others of their kind.

export interface Separation {
  /** Share of pictures whose nearest other shows the same individual. */
  readonly retrieved: number;
  /** Area under the curve: pairs of one individual against pairs of two of one kind; undefined without such pairs. */
  readonly auc: number | undefined;
}

export interface SeparationOptions {
  /** Rows of any length, one after the other. */
  readonly features: Float32Array;
  readonly width: number;
  readonly individuals: readonly string[];
  readonly kinds: readonly string[];
  /** Pairs that are left out: the nearest in another scene, say, when it says that both are in one. */
  readonly leaveOut?: (row: number, column: number) => boolean;
}

export function separation({
  features,
  width,
  individuals,
  kinds,
  leaveOut = () => false,
}: SeparationOptions): Separation {
  const rows = individuals.length;
  const unit = unitRows(features, width);
  const [same, other]: [number[], number[]] = [[], []];
  let [right, asked] = [0, 0];
  for (let row = 0; row < rows; row++) {
    let best = Number.NEGATIVE_INFINITY;
    let nearest = -1;
    let hasOther = false;
    for (let column = 0; column < rows; column++) {
      if (column === row || leaveOut(row, column)) continue;
      let cosine = 0;
      for (let d = 0; d < width; d++)
        cosine += (unit[row * width + d] ?? 0) * (unit[column * width + d] ?? 0);
      const isSame = individuals[row] === individuals[column];
      hasOther ||= isSame;
      if (cosine > best) [best, nearest] = [cosine, column];
      if (column < row) continue;
      if (isSame) same.push(cosine);
      else if (kinds[row] === kinds[column]) other.push(cosine);
    }
    // Who is there once cannot be found.
    if (!hasOther) continue;
    asked += 1;
    right += individuals[nearest] === individuals[row] ? 1 : 0;
  }
  return { retrieved: right / Math.max(1, asked), auc: areaUnderCurve(same, other) };
}

/** Probability that one of `higher` is above one of `lower`; equal ones count half. */
export function areaUnderCurve(higher: readonly number[], lower: readonly number[]): number | undefined {
  if (higher.length === 0 || lower.length === 0) return undefined;
  const sorted = Float64Array.from(lower).sort();
  const below = (value: number, orEqual: boolean): number => {
    let [from, to] = [0, sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const at = sorted[middle] ?? 0;
      if (at < value || (orEqual && at === value)) from = middle + 1;
      else to = middle;
    }
    return from;
  };
  const sum = higher.reduce((total, value) => total + (below(value, false) + below(value, true)) / 2, 0);
  return sum / (higher.length * lower.length);
}

function unitRows(features: Float32Array, width: number): Float32Array {
  const unit = new Float32Array(features.length);
  for (let at = 0; at < features.length; at += width) {
    let square = 0;
    for (let d = 0; d < width; d++) square += (features[at + d] ?? 0) ** 2;
    const length = Math.sqrt(square) || 1;
    for (let d = 0; d < width; d++) unit[at + d] = (features[at + d] ?? 0) / length;
  }
  return unit;
}
