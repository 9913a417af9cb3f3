// The few largest singular values of a matrix, and their vectors. Layers are up to 1280 × 23040, where a full
// decomposition takes minutes each: subspace iteration (Halko, Martinsson, Tropp 2011, arXiv 0909.4061, algorithm 4.4)
// finds the space they lie in with products alone, and ml-matrix decomposes what is left, a thin matrix.
import { Matrix, SVD } from 'ml-matrix';
import { product, productTransposed, transposed, type Numbers } from './matrix.ts';

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

/** More directions than asked for: they take up what mixes into the last ones. */
const OVERSAMPLING = 8;
const MAX_ITERATIONS = 6;
/** Iteration ends when the energy found grows by less than this part of it. */
const CONVERGED = 1e-5;

/**
 * The `rank` largest singular triples of a matrix; exact to rounding when it has no higher rank.
 * @param normal standard normal numbers, as many as asked for: where the iteration starts
 */
export function truncatedSvd(
  matrix: Numbers,
  { rows, columns }: Size,
  rank: number,
  normal: (count: number) => Numbers,
): SingularTriples {
  const width = Math.min(rank + OVERSAMPLING, rows, columns);
  let right: Float64Array = orthonormalRows(Float64Array.from(normal(width * columns)), width, columns);
  let found = 0;
  for (let i = 0; ; i++) {
    const image = productTransposed(matrix, right, { rows, inner: columns, columns: width }); // [rows, width]
    const energy = image.reduce((sum, value) => sum + value * value, 0);
    const isDone = i > 0 && (energy - found <= CONVERGED * energy || i === MAX_ITERATIONS);
    found = energy;
    if (isDone) return decomposeThin(image, right, { rows, columns }, width, rank);
    const left = orthonormalRows(transposed(image, rows, width), width, rows);
    const back = product(left, matrix, { rows: width, inner: rows, columns });
    right = orthonormalRows(back, width, columns);
  }
}

/** Triples of `image · right`, `[rows, width] · [width, columns]`, where the rows of `right` are orthonormal. */
function decomposeThin(
  image: Float64Array,
  right: Float64Array,
  { rows, columns }: Size,
  width: number,
  rank: number,
): SingularTriples {
  const count = Math.min(rank, width);
  const left = orthonormalRows(transposed(image, rows, width), width, rows);
  const core = product(left, image, { rows: width, inner: rows, columns: width }); // [width, width]
  const { values, u, v } = smallSvd(core, width);
  return {
    values: values.slice(0, count),
    left: product(u, left, { rows: count, inner: width, columns: rows }),
    right: product(v, right, { rows: count, inner: width, columns }),
  };
}

/** The `rank` largest triples of `up · down`, `[rows, inner] · [inner, columns]`, without multiplying them out. */
export function productSvd(
  up: Numbers,
  down: Numbers,
  { rows, columns }: Size,
  inner: number,
  rank: number,
): SingularTriples {
  const upRows = transposed(up, rows, inner); // [inner, rows]
  const left = orthonormalRows(upRows.slice(), inner, rows);
  const right = orthonormalRows(Float64Array.from(down), inner, columns);
  const leftCore = productTransposed(left, upRows, { rows: inner, inner: rows, columns: inner });
  const rightCore = productTransposed(down, right, { rows: inner, inner: columns, columns: inner });
  const core = product(leftCore, rightCore, { rows: inner, inner, columns: inner });
  const { values, u, v } = smallSvd(core, inner);
  const count = Math.min(rank, inner, rows, columns);
  return {
    values: values.slice(0, count),
    left: product(u, left, { rows: count, inner, columns: rows }),
    right: product(v, right, { rows: count, inner, columns }),
  };
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

/**
 * Rows made orthonormal, in place: Gram-Schmidt, each row twice ("twice is enough"). Rows that depend on those above
 * become zeros.
 */
function orthonormalRows(rows: Float64Array, count: number, length: number): Float64Array {
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * length, (i + 1) * length);
    const before = Math.sqrt(dot(row, row));
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = rows.subarray(j * length, (j + 1) * length);
        const share = dot(row, other);
        for (let k = 0; k < length; k++) row[k] = (row[k] as number) - share * (other[k] as number);
      }
    }
    const after = Math.sqrt(dot(row, row));
    const factor = after <= 1e-13 * before || before === 0 ? 0 : 1 / after;
    for (let k = 0; k < length; k++) row[k] = (row[k] as number) * factor;
  }
  return rows;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
