// PiSSA (Meng et al. 2024, arXiv 2404.02948): an adapter starts as what the weight itself does most, its largest singular
// values. Reference: peft/tuners/lora/layer.py, `pissa_init`. Full decompositions of large layers take minutes each, so
// the few triples are found by Lanczos bidiagonalisation (Golub & Kahan 1965) with full reorthogonalisation, to rounding;
// ml-matrix decomposes the small matrix that is left.
import { Matrix, SVD } from 'ml-matrix';

export interface PrincipalPart {
  /** A₀ `[rank, columns]` */
  readonly down: Float32Array;
  /** B₀ `[rows, rank]` */
  readonly up: Float32Array;
}

/** `W V = U B` with B upper bidiagonal, as far as it has grown. V lies in the smaller of the two spaces. */
interface Bidiagonal {
  readonly u: Float64Array[];
  readonly v: Float64Array[];
  readonly alphas: number[];
  /** Between neighbours, and after the last. */
  readonly betas: number[];
}

/** A matrix as what it does to vectors. */
interface Operator {
  /** How large V's vectors are: no more are needed than that. */
  readonly inner: number;
  readonly forward: (v: Float64Array) => Float64Array;
  readonly back: (u: Float64Array) => Float64Array;
}

/** Residual of a triple, as a part of the largest singular value: below what float32 weights can say. */
const TOLERANCE = 1e-8;
/** What is left of a vector that lies in the space already. */
const NOTHING = 1e-12;

/**
 * `scale · B₀ A₀` is the best approximation of rank `rank`, its roots shared between both.
 * @param weight `[rows, columns]`, flat
 * @param draw so many standard normal numbers, others each time: where the search starts; the result does not depend on it
 */
export function principalPart(
  weight: Float32Array,
  rows: number,
  rank: number,
  scale: number,
  draw: (count: number) => Float32Array,
): PrincipalPart {
  const columns = weight.length / rows;
  const isWide = columns > rows;
  const [forward, back] = [
    (v: Float64Array) => times(weight, v, rows, columns),
    (u: Float64Array) => transposedTimes(weight, u, rows, columns),
  ];
  const most = Math.min(rows, columns);
  const operator: Operator = isWide
    ? { inner: most, forward: back, back: forward }
    : { inner: most, forward, back };
  const down = new Float32Array(rank * columns);
  const up = new Float32Array(rows * rank);
  const found = Math.min(rank, most);
  const grown: Bidiagonal = { u: [], v: [], alphas: [], betas: [] };
  for (let steps = Math.min(most, 2 * rank + 16); ; steps = Math.min(most, Math.ceil(steps * 1.4))) {
    extend(grown, operator, steps, draw);
    const { values, left, right } = decompose(grown);
    const last = grown.betas[steps - 1] ?? 0;
    const isFound = left.slice(0, found).every((row) => {
      return Math.abs(last * (row[steps - 1] ?? 0)) <= TOLERANCE * (values[0] ?? 0);
    });
    if (!isFound && steps < most) continue;
    for (let k = 0; k < found; k++) {
      const root = Math.sqrt((values[k] ?? 0) / scale);
      const [ofU, ofV] = [combined(grown.u, left[k] ?? [], root), combined(grown.v, right[k] ?? [], root)];
      down.set(isWide ? ofU : ofV, k * columns);
      (isWide ? ofV : ofU).forEach((value, row) => {
        up[row * rank + k] = value;
      });
    }
    return { down, up };
  }
}

/** Goes on until there are so many vectors on either side. */
function extend(
  { u, v, alphas, betas }: Bidiagonal,
  { inner, forward, back }: Operator,
  steps: number,
  draw: (count: number) => Float32Array,
): void {
  const unit = (vector: Float64Array, others: readonly Float64Array[]): number => {
    const before = norm(vector);
    orthogonalise(vector, others);
    const length = norm(vector);
    if (length > NOTHING * before && before > 0) {
      for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / length;
      return length;
    }
    // The space is closed (equal singular values, or no more of them): go on with anything outside of it.
    vector.set(draw(vector.length));
    orthogonalise(vector, others);
    const anew = norm(vector);
    for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / anew;
    return 0;
  };
  if (v.length === 0) {
    const first = Float64Array.from(draw(inner));
    unit(first, []);
    v.push(first);
  }
  for (let j = u.length; j < steps; j++) {
    const left = forward(v[j] ?? new Float64Array(inner));
    alphas.push(unit(left, u));
    u.push(left);
    const right = back(left);
    // V fills its space: nothing is left outside.
    if (j + 1 >= inner) {
      betas.push(0);
      continue;
    }
    betas.push(unit(right, v));
    v.push(right);
  }
}

/** Singular values of B, descending, and its vectors as rows. */
function decompose({ alphas, betas }: Bidiagonal): {
  values: readonly number[];
  left: readonly (readonly number[])[];
  right: readonly (readonly number[])[];
} {
  const size = alphas.length;
  const matrix = Matrix.zeros(size, size);
  alphas.forEach((alpha, i) => {
    matrix.set(i, i, alpha);
    if (i + 1 < size) matrix.set(i, i + 1, betas[i] ?? 0);
  });
  const svd = new SVD(matrix);
  return {
    values: svd.diagonal,
    left: svd.leftSingularVectors.transpose().to2DArray(),
    right: svd.rightSingularVectors.transpose().to2DArray(),
  };
}

function combined(
  vectors: readonly Float64Array[],
  weights: readonly number[],
  factor: number,
): Float64Array {
  const result = new Float64Array(vectors[0]?.length ?? 0);
  weights.forEach((share, j) => {
    const vector = vectors[j];
    if (vector)
      for (let i = 0; i < result.length; i++) result[i] = (result[i] ?? 0) + share * (vector[i] ?? 0);
  });
  return result.map((value) => value * factor);
}

function times(weight: Float32Array, x: Float64Array, rows: number, columns: number): Float64Array {
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0, at = row * columns; i < columns; i++, at++) sum += (weight[at] ?? 0) * (x[i] ?? 0);
    y[row] = sum;
  }
  return y;
}

function transposedTimes(weight: Float32Array, y: Float64Array, rows: number, columns: number): Float64Array {
  const x = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const factor = y[row] ?? 0;
    for (let i = 0, at = row * columns; i < columns; i++, at++)
      x[i] = (x[i] ?? 0) + factor * (weight[at] ?? 0);
  }
  return x;
}

/** Gram-Schmidt, twice: once leaves rounding of what was taken away. */
function orthogonalise(vector: Float64Array, others: readonly Float64Array[]): void {
  for (let pass = 0; pass < 2; pass++) {
    for (const other of others) {
      let share = 0;
      for (let i = 0; i < vector.length; i++) share += (vector[i] ?? 0) * (other[i] ?? 0);
      for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) - share * (other[i] ?? 0);
    }
  }
}

function norm(vector: Float64Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}
