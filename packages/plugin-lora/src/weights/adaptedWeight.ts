// A layer's weight with adapters in it, and without them again; double precision, rounded by whoever writes it.
//
// Several adapters act as they do when they are attached one after the other: the last meets the layer's own weight.
// That counts with DoRA only; everything else is a sum.
import type { MagnitudeAxis } from '../adapters/magnitude.ts';
import type { StoredAdapter } from '../files/readAdapters.ts';
import { sizesOf, type AdaptableLayer } from '../layers.ts';
import type { Numbers } from './matrix.ts';
import { weightChange } from './weightChange.ts';

/** An adapter and how strongly it acts: a factor on ΔW. */
export interface WeightedAdapter {
  readonly adapter: StoredAdapter;
  readonly weight: number;
}

export interface AdaptedWeight {
  /** In the checkpoint's layout. */
  readonly values: Float64Array;
  /** By adapter: lengths that DoRA's magnitudes took the place of; what is needed to go back. */
  readonly lengths: readonly (Float64Array | undefined)[];
}

/** @param values the layer's own weight, in the checkpoint's layout */
export function withAdapters(values: Numbers, adapters: readonly WeightedAdapter[]): AdaptedWeight {
  const result = Float64Array.from(values);
  const lengths: (Float64Array | undefined)[] = adapters.map(() => undefined);
  for (const [i, { adapter, weight }] of [...adapters.entries()].toReversed()) {
    addTo(result, weightChange(adapter), weight);
    const { magnitude, layer } = adapter;
    if (magnitude === undefined) continue;
    const own = lengthsOf(result, layer, magnitude.axis);
    scaleBy(result, layer, magnitude.axis, (at) => quotient(magnitude.values[at] ?? 0, own[at] ?? 0));
    lengths[i] = own;
  }
  return { values: result, lengths };
}

/**
 * The way back, up to the rounding of `values`.
 * @param lengths as `withAdapters` told them; an adapter with a magnitude cannot be taken out without
 */
export function withoutAdapters(
  values: Numbers,
  adapters: readonly WeightedAdapter[],
  lengths: readonly (Float64Array | undefined)[] = [],
): Float64Array {
  const result = Float64Array.from(values);
  adapters.forEach(({ adapter, weight }, i) => {
    const { magnitude, layer } = adapter;
    const own = lengths[i];
    if (magnitude !== undefined) {
      if (own === undefined) throw new Error(`${layer.path}: DoRA’s lengths are needed to take it out`);
      scaleBy(result, layer, magnitude.axis, (at) => quotient(own[at] ?? 0, magnitude.values[at] ?? 0));
    }
    addTo(result, weightChange(adapter), -weight);
  });
  return result;
}

function addTo(sum: Float64Array, change: Float64Array, factor: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + factor * (change[i] as number);
}

/** A row of zeros has no direction and stays one. */
const quotient = (length: number, by: number): number => (by === 0 ? 0 : length / by);

/** Length of all weights into each output, or out of each input. */
function lengthsOf(values: Float64Array, layer: AdaptableLayer, axis: MagnitudeAxis): Float64Array {
  const { out, inputs } = sizesOf(layer);
  const squares = new Float64Array(axis === 'out' ? out : inputs);
  eachPlace(values.length, layer, axis, (i, at) => {
    const value = values[i] as number;
    squares[at] = (squares[at] as number) + value * value;
  });
  return squares.map(Math.sqrt);
}

function scaleBy(
  values: Float64Array,
  layer: AdaptableLayer,
  axis: MagnitudeAxis,
  factorOf: (at: number) => number,
): void {
  const { out, inputs } = sizesOf(layer);
  const factors = Float64Array.from({ length: axis === 'out' ? out : inputs }, (_, at) => factorOf(at));
  eachPlace(values.length, layer, axis, (i, at) => {
    values[i] = (values[i] as number) * (factors[at] as number);
  });
}

function eachPlace(
  count: number,
  layer: AdaptableLayer,
  axis: MagnitudeAxis,
  visit: (i: number, at: number) => void,
): void {
  const { inputs, places } = sizesOf(layer);
  const row = inputs * places;
  for (let i = 0; i < count; i++)
    visit(i, axis === 'out' ? Math.floor(i / row) : Math.floor((i % row) / places));
}
