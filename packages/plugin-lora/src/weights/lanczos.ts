// Block Lanczos bidiagonalisation (Golub, Luk & Overton 1981, ACM TOMS 7) with full reorthogonalisation: two
// orthonormal bases grow side by side, and between them a large matrix is a small one. Four vectors at a time: reading the
// matrix takes as long for four as for one, and equal singular values are found beside each other.
import { sharesOf, type Numbers, type Rows } from './matrix.ts';
import { makeOrthonormal } from './orthonormal.ts';

/** A matrix W as what it does to vectors, which are rows. */
export interface Operator {
  /** Length of what goes in; not more than that of what comes out. */
  readonly inputs: number;
  readonly outputs: number;
  /** W x, for every row x. */
  readonly forward: (x: Rows) => Rows;
  /** Wᵀ y, for every row y. */
  readonly back: (y: Rows) => Rows;
}

/** `W vⱼ = Σᵢ core[i, j] uᵢ`, exactly; `Wᵀ uᵢ` has a rest outside of all v, for the last few i. */
export interface Projection {
  /** Orthonormal, `[count, outputs]`. */
  readonly u: Rows;
  /** Orthonormal, `[count, inputs]`. */
  readonly v: Rows;
  /** `[count, count]` */
  readonly core: Float64Array;
  /** `[last few, directions outside]` */
  readonly rest: Rows;
}

const BLOCK = 4;
const NONE: Rows = { values: new Float64Array(), count: 0, length: 0 };

/**
 * @param normal standard normal numbers, as many as asked for, others each time: where it starts
 * @returns grows from where it is to so many vectors, or a few more; at most `inputs`, when nothing is outside
 */
export function lanczos(
  { inputs, outputs, forward, back }: Operator,
  normal: (count: number) => Numbers,
): (wanted: number) => Projection {
  const u = growingBasis(outputs, normal);
  const v = growingBasis(inputs, normal);
  /** Columns of the core, a block each, as long as u was then: it is triangular. */
  const columns: Rows[] = [];
  let rest = NONE;
  const start = Math.min(BLOCK, inputs);
  let next = v.add({ values: normal(start * inputs), count: start, length: inputs });
  return (wanted) => {
    while (u.rows().count < Math.min(wanted, inputs)) {
      const image = forward(next);
      const left = u.add(image);
      columns.push(sharesOf(image, u.rows()));
      const returned = back(left);
      const room = inputs - v.rows().count;
      next = v.add({ ...returned, count: Math.min(left.count, room) });
      rest = sharesOf(returned, next);
    }
    const { count } = u.rows();
    return { u: u.rows(), v: { ...v.rows(), count }, core: coreOf(columns, count), rest };
  };
}

function coreOf(columns: readonly Rows[], count: number): Float64Array {
  const core = new Float64Array(count * count);
  let column = 0;
  for (const { values, count: width, length } of columns) {
    for (let j = 0; j < width; j++, column++) {
      for (let i = 0; i < length; i++) core[i * count + column] = values[j * length + i] as number;
    }
  }
  return core;
}

interface GrowingBasis {
  readonly rows: () => Rows;
  /** The first `count` rows of `from` made orthonormal to all; they are left as they are. */
  readonly add: (from: Rows) => Rows;
}

function growingBasis(length: number, normal: (count: number) => Numbers): GrowingBasis {
  let buffer = new Float64Array(16 * BLOCK * length);
  let count = 0;
  const rows = (): Rows => ({ values: buffer, count, length });
  const add = (from: Rows): Rows => {
    const [start, end] = [count * length, (count + from.count) * length];
    if (end > buffer.length) {
      const larger = new Float64Array(2 * buffer.length);
      larger.set(buffer);
      buffer = larger;
    }
    const values = buffer.subarray(start, end);
    values.set(from.values.subarray(0, end - start));
    const added = { values, count: from.count, length };
    makeOrthonormal(added, { basis: rows(), normal });
    count += from.count;
    return added;
  };
  return { rows, add };
}
