// Rows made orthonormal: what spans a space becomes a basis of it. Gram-Schmidt, twice: once leaves rounding of what was
// taken away ("twice is enough").
import { product, sharesOf, type Numbers, type Rows } from './matrix.ts';

interface Surroundings {
  /** Orthonormal rows that the others become orthogonal to. */
  readonly basis?: Rows;
  /** Standard normal numbers, as many as asked for, others each time. */
  readonly normal?: (count: number) => Numbers;
}

/** What is left of a row that depends on others, as a part of it. */
const NOTHING = 1e-12;
/** Drawing is needed once; more often only when what is drawn repeats itself or there is no room. */
const MOST_DRAWS = 4;

/**
 * In place. A row that depends on those above it or on the basis becomes zeros; with `normal`, any row that does not, for
 * which the space must have room.
 */
export function makeOrthonormal(rows: Rows<Float64Array>, { basis, normal }: Surroundings = {}): void {
  const { values, count, length } = rows;
  const each = Array.from({ length: count }, (_, i) => values.subarray(i * length, (i + 1) * length));
  for (let pass = 0, draws = 0; pass < 2; pass++) {
    const lengthsBefore = each.map(lengthOf);
    if (basis) takeOff(rows, basis);
    const dependent = each.filter((row, i) => {
      for (const above of each.slice(0, i)) addTimes(row, -dot(row, above), above);
      const left = lengthOf(row);
      const isDependent = left <= NOTHING * (lengthsBefore[i] ?? 0);
      const factor = isDependent ? 0 : 1 / left;
      for (let k = 0; k < length; k++) row[k] = (row[k] as number) * factor;
      return isDependent;
    });
    if (normal === undefined || dependent.length === 0) continue;
    if (++draws > MOST_DRAWS) throw new RangeError('drawn rows do not become orthonormal to the others');
    for (const row of dependent) row.set(normal(length));
    pass = -1; // both passes again
  }
}

function takeOff(rows: Rows<Float64Array>, basis: Rows): void {
  const { count, length } = rows;
  const shares = sharesOf(rows, basis).values;
  const part = product(shares, basis.values, { rows: count, inner: basis.count, columns: length });
  addTimes(rows.values, -1, part);
}

function addTimes(to: Float64Array, factor: number, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + factor * (from[i] as number);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

const lengthOf = (row: Float64Array): number => Math.sqrt(dot(row, row));
