// The few largest singular values of a matrix, and their vectors. Layers are up to 1280 × 23040, where a full decomposition
// takes minutes each: Lanczos finds the space they lie in with products alone, and ml-matrix decomposes the small matrix
// that is left.
import { Matrix, SVD } from 'ml-matrix';
import { lanczos, type Operator, type Projection } from './lanczos.ts';
import { product, sharesOf, transposed, type Numbers, type Rows } from './matrix.ts';
import { makeOrthonormal } from './orthonormal.ts';

export interface SingularTriples {
  /** Descending. */
  readonly values: Float64Array;
  /** `[values, rows]` */
  readonly left: Float64Array;
  /** `[values, columns]` */
  readonly right: Float64Array;
}

interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** ‖Aᵀ u − σ v‖ of every triple, as a part of the largest σ, at most. */
const RESIDUALS = {
  /** Below what float32 weights can say. */
  rounding: 1e-8,
  /** Σσ² is within 1e-5 of the largest there is, for random matrices, too, which have no gaps between their values. */
  energy: 3e-3,
} as const;

/**
 * The `rank` largest singular triples of a matrix.
 * @param normal standard normal numbers, as many as asked for, others each time: where the search starts, on which nothing depends
 * @param exactTo rounding, or what they keep of the energy of a matrix: sooner found
 */
export function truncatedSvd(
  matrix: Numbers,
  { rows, columns }: Size,
  rank: number,
  normal: (count: number) => Numbers,
  exactTo: keyof typeof RESIDUALS = 'rounding',
): SingularTriples {
  const smaller = Math.min(rows, columns);
  const count = Math.min(rank, smaller);
  const grow = lanczos(operatorOf(matrix, { rows, columns }), normal);
  for (let steps = 2 * count + 16; ; steps = Math.ceil(1.4 * steps)) {
    const projection = grow(steps);
    const { u, v, core } = projection;
    const { values, u: ofU, v: ofV } = smallSvd(core, u.count);
    const allowed = RESIDUALS[exactTo] * (values[0] ?? 0);
    if (u.count < smaller && largestRest(projection, ofU, count) > allowed) continue;
    const ofInputs = product(ofV, v.values, { rows: count, inner: v.count, columns: v.length });
    const ofOutputs = product(ofU, u.values, { rows: count, inner: u.count, columns: u.length });
    const [left, right] = columns > rows ? [ofInputs, ofOutputs] : [ofOutputs, ofInputs];
    return { values: values.slice(0, count), left, right };
  }
}

/** From the smaller space to the larger one. */
function operatorOf(matrix: Numbers, { rows, columns }: Size): Operator {
  const whole = { values: matrix, count: rows, length: columns };
  const timesMatrix = (y: Rows): Rows => ({
    values: product(y.values, matrix, { rows: y.count, inner: rows, columns }),
    count: y.count,
    length: columns,
  });
  const matrixTimes = (x: Rows): Rows => sharesOf(x, whole);
  return columns > rows
    ? { inputs: rows, outputs: columns, forward: timesMatrix, back: matrixTimes }
    : { inputs: columns, outputs: rows, forward: matrixTimes, back: timesMatrix };
}

/** ‖Aᵀ u − σ v‖ of the `count` first triples, the largest. */
function largestRest({ u, rest }: Projection, ofU: Float64Array, count: number): number {
  let largest = 0;
  for (let k = 0; k < count; k++) {
    const lastFew = ofU.subarray((k + 1) * u.count - rest.count, (k + 1) * u.count);
    const outside = product(lastFew, rest.values, { rows: 1, inner: rest.count, columns: rest.length });
    largest = Math.max(largest, Math.hypot(...outside));
  }
  return largest;
}

/** The `rank` largest triples of `up · down`, `[rows, inner] · [inner, columns]`, without multiplying them out. */
export function productSvd(
  up: Numbers,
  down: Numbers,
  { rows, columns }: Size,
  inner: number,
  rank: number,
): SingularTriples {
  const upRows = { values: transposed(up, rows, inner), count: inner, length: rows };
  const downRows = { values: down, count: inner, length: columns };
  const left = orthonormal(upRows);
  const right = orthonormal(downRows);
  const leftCore = sharesOf(left, upRows).values;
  const rightCore = sharesOf(downRows, right).values;
  const core = product(leftCore, rightCore, { rows: inner, inner, columns: inner });
  const { values, u, v } = smallSvd(core, inner);
  const count = Math.min(rank, inner, rows, columns);
  return {
    values: values.slice(0, count),
    left: product(u, left.values, { rows: count, inner, columns: rows }),
    right: product(v, right.values, { rows: count, inner, columns }),
  };
}

function orthonormal({ values, ...size }: Rows): Rows<Float64Array> {
  const rows = { values: Float64Array.from(values), ...size };
  makeOrthonormal(rows);
  return rows;
}

/** Of a square matrix; vectors as rows. */
function smallSvd(
  values: Float64Array,
  size: number,
): { values: Float64Array; u: Float64Array; v: Float64Array } {
  const svd = new SVD(Matrix.from1DArray(size, size, values));
  const asRows = (matrix: Matrix): Float64Array => Float64Array.from(matrix.transpose().to1DArray());
  return {
    values: Float64Array.from(svd.diagonal),
    u: asRows(svd.leftSingularVectors),
    v: asRows(svd.rightSingularVectors),
  };
}
