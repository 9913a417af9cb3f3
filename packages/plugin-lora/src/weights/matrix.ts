// Products of tall and wide matrices in double precision, without an engine: the same numbers on every machine, since
// every sum is taken in one order. Row-major arrays; inner loops are unrolled by what V8 keeps in registers.

export type Numbers = Float32Array | Float64Array;

/** Vectors as rows: `[count, length]`; `values` may go on behind them. */
export interface Rows<Values extends Numbers = Numbers> {
  readonly values: Values;
  readonly count: number;
  readonly length: number;
}

/**
 * `left · right`: weights of rows, [rows, inner] · [inner, columns] → [rows, columns].
 * Two rows of `right` at a time are added to four rows of the result.
 */
export function product(
  left: Numbers,
  right: Numbers,
  { rows, inner, columns }: { readonly rows: number; readonly inner: number; readonly columns: number },
): Float64Array {
  const result = new Float64Array(rows * columns);
  const at = (row: number, i: number): number =>
    row < rows && i < inner ? (left[row * inner + i] as number) : 0;
  for (let row = 0; row < rows; row += 4) {
    // Past the last row the factors are zero and a scratch row takes the sums.
    const [c0, c1, c2, c3] = [0, 1, 2, 3].map((offset) =>
      row + offset < rows
        ? result.subarray((row + offset) * columns, (row + offset + 1) * columns)
        : new Float64Array(columns),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    for (let i = 0; i < inner; i += 2) {
      const [a0, a1, a2, a3] = [at(row, i), at(row + 1, i), at(row + 2, i), at(row + 3, i)];
      const [b0, b1, b2, b3] = [at(row, i + 1), at(row + 1, i + 1), at(row + 2, i + 1), at(row + 3, i + 1)];
      const first = i * columns;
      const second = i + 1 < inner ? first + columns : first;
      for (let j = 0; j < columns; j++) {
        const x = right[first + j] as number;
        const y = right[second + j] as number;
        c0[j] = (c0[j] as number) + a0 * x + b0 * y;
        c1[j] = (c1[j] as number) + a1 * x + b1 * y;
        c2[j] = (c2[j] as number) + a2 * x + b2 * y;
        c3[j] = (c3[j] as number) + a3 * x + b3 * y;
      }
    }
  }
  return result;
}

/**
 * `left · rightᵀ`: inner products of rows, [rows, inner] · [columns, inner]ᵀ → [rows, columns].
 * Four rows of each at a time.
 */
export function productTransposed(
  left: Numbers,
  right: Numbers,
  { rows, inner, columns }: { readonly rows: number; readonly inner: number; readonly columns: number },
): Float64Array {
  const result = new Float64Array(rows * columns);
  const sums = new Float64Array(16);
  for (let row = 0; row < rows; row += 4) {
    for (let column = 0; column < columns; column += 4) {
      fourByFour(left, right, inner, startsOf(row, rows, inner), startsOf(column, columns, inner), sums);
      const [height, width] = [Math.min(4, rows - row), Math.min(4, columns - column)];
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < width; j++) result[(row + i) * columns + column + j] = sums[4 * i + j] as number;
      }
    }
  }
  return result;
}

type Four = readonly [number, number, number, number];

/** Where four rows begin; past the end the last one stands in. */
function startsOf(first: number, count: number, length: number): Four {
  const start = (offset: number): number => Math.min(first + offset, count - 1) * length;
  return [start(0), start(1), start(2), start(3)];
}

function fourByFour(
  left: Numbers,
  right: Numbers,
  inner: number,
  [l0, l1, l2, l3]: Four,
  [r0, r1, r2, r3]: Four,
  sums: Float64Array,
): void {
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let p = 0; p < inner; p++) {
    const a0 = left[l0 + p] as number;
    const a1 = left[l1 + p] as number;
    const a2 = left[l2 + p] as number;
    const a3 = left[l3 + p] as number;
    const b0 = right[r0 + p] as number;
    const b1 = right[r1 + p] as number;
    const b2 = right[r2 + p] as number;
    const b3 = right[r3 + p] as number;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
  }
  sums.set([s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33]);
}

/** Inner products of every row with every other: `[left.count, right.count]`. */
export function sharesOf(left: Rows, right: Rows): Rows<Float64Array> {
  const size = { rows: left.count, inner: left.length, columns: right.count };
  return {
    values: productTransposed(left.values, right.values, size),
    count: left.count,
    length: right.count,
  };
}

/** [rows, columns] → [columns, rows]. */
export function transposed(matrix: Numbers, rows: number, columns: number): Float64Array {
  const result = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j] as number;
  }
  return result;
}

/** Sum of squares: the energy of a difference. */
export function energyOf(values: Numbers): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}
