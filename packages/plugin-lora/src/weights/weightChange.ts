// ΔW of an adapter as numbers, in double precision: what `AdapterMethod.weightChange` traces, for work on files.
import { sizesOf } from '../layers.ts';
import type { StoredAdapter, PartValues } from '../files/readAdapters.ts';
import { product, transposed, type Numbers } from './matrix.ts';

/** A part as numbers of its shape. */
interface Part {
  readonly shape: readonly number[];
  readonly values: Numbers;
}
type StoredChange = Pick<StoredAdapter, 'method' | 'layer' | 'parts' | 'scale'>;

/**
 * `alpha / rank · ΔW` in the checkpoint's layout, before DoRA's lengths.
 * @returns `[out, in]` or `[out, in, h, w]`, flat
 */
export function weightChange(adapter: StoredChange): Float64Array {
  const { method, scale } = adapter;
  const change = { lora: loraChange, loha: lohaChange, lokr: lokrChange }[method.name](adapter);
  if (scale !== 1) for (let i = 0; i < change.length; i++) change[i] = (change[i] as number) * scale;
  return change;
}

/** LoRA's two factors as matrices, a kernel in the middle taken into the way down: up `[out, r]`, down `[r, in · h · w]`. */
export function loraFactors({ layer, parts }: Pick<StoredAdapter, 'layer' | 'parts'>): {
  readonly up: Numbers;
  readonly down: Numbers;
  readonly rank: number;
} {
  const { out, inputs, places } = sizesOf(layer);
  const [up, down] = [partOf(parts, 'up'), partOf(parts, 'down')];
  const mid = parts['mid'];
  const rank = up.values.length / out;
  if (mid === undefined) return { up: up.values, down: down.values, rank };
  const inner = down.shape[0] ?? 1;
  // [outer, inner, h, w] · [inner, in] → [outer, in, h, w]
  const rows = transposeBlocks(mid.values, { blocks: rank, rows: inner, columns: places });
  const spread = product(rows, down.values, { rows: rank * places, inner, columns: inputs });
  return {
    up: up.values,
    down: transposeBlocks(spread, { blocks: rank, rows: places, columns: inputs }),
    rank,
  };
}

function loraChange(adapter: StoredChange): Float64Array {
  const { out, inputs, places } = sizesOf(adapter.layer);
  const { up, down, rank } = loraFactors(adapter);
  return product(up, down, { rows: out, inner: rank, columns: inputs * places });
}

function lohaChange({ parts, layer }: StoredChange): Float64Array {
  const { out, inputs, places } = sizesOf(layer);
  const half = (index: 1 | 2): Float64Array => {
    const [a, b] = [partOf(parts, `hada_w${index}_a`), partOf(parts, `hada_w${index}_b`)];
    const core = parts[`hada_t${index}`];
    if (core !== undefined) return tuckerProduct(core, a, b);
    return product(a.values, b.values, { rows: out, inner: b.shape[0] ?? 1, columns: inputs * places });
  };
  const [change, second] = [half(1), half(2)];
  for (let i = 0; i < change.length; i++) change[i] = (change[i] as number) * (second[i] as number);
  return change;
}

function lokrChange({ parts, layer }: StoredChange): Float64Array {
  const { out, inputs, places } = sizesOf(layer);
  const [left, right] = [kroneckerFactor(parts, 1, 1), kroneckerFactor(parts, 2, places)];
  const change = new Float64Array(out * inputs * places);
  const [leftColumns, rightRows] = [left.columns, right.rows];
  const width = right.columns * places;
  for (let a = 0; a < left.rows; a++) {
    for (let c = 0; c < rightRows; c++) {
      for (let b = 0; b < leftColumns; b++) {
        const factor = left.values[a * leftColumns + b] as number;
        const start = (a * rightRows + c) * inputs * places + b * width;
        for (let i = 0; i < width; i++) change[start + i] = factor * (right.values[c * width + i] as number);
      }
    }
  }
  return change;
}

function kroneckerFactor(
  parts: StoredAdapter['parts'],
  index: 1 | 2,
  places: number,
): { rows: number; columns: number; values: Numbers } {
  const whole = parts[`lokr_w${index}`];
  if (whole !== undefined) {
    const rows = whole.shape[0] ?? 1;
    return { rows, columns: whole.values.length / rows / places, values: whole.values };
  }
  const [a, b] = [partOf(parts, `lokr_w${index}_a`), partOf(parts, `lokr_w${index}_b`)];
  const core = parts[`lokr_t${index}`];
  if (core !== undefined) {
    const [rows, columns] = [a.shape[1] ?? 1, b.shape[1] ?? 1];
    return { rows, columns, values: tuckerProduct(core, a, b) };
  }
  const [rows, inner] = [a.shape[0] ?? 1, b.shape[0] ?? 1];
  const wide = b.values.length / inner;
  return {
    rows,
    columns: wide / places,
    values: product(a.values, b.values, { rows, inner, columns: wide }),
  };
}

/** `Σᵢⱼ core[i, j, …] · a[i, p] · b[j, q]` → `[p, q, h, w]`; see `adapters/tucker.ts`. */
function tuckerProduct(core: Part, a: Part, b: Part): Float64Array {
  const [i = 1, j = 1, h = 1, w = 1] = core.shape;
  const [p, q] = [a.shape[1] ?? 1, b.shape[1] ?? 1];
  const places = h * w;
  const rows = transposeBlocks(core.values, { blocks: i, rows: j, columns: places }); // [i, h · w, j]
  const widened = product(rows, b.values, { rows: i * places, inner: j, columns: q }); // [i, h · w · q]
  const both = product(transposed(a.values, i, p), widened, { rows: p, inner: i, columns: places * q });
  return transposeBlocks(both, { blocks: p, rows: places, columns: q });
}

/** Each block `[rows, columns]` of an array turned around. */
function transposeBlocks(
  values: Numbers,
  { blocks, rows, columns }: { readonly blocks: number; readonly rows: number; readonly columns: number },
): Float64Array {
  const size = rows * columns;
  const result = new Float64Array(blocks * size);
  for (let block = 0; block < blocks; block++) {
    const part = values.subarray(block * size, (block + 1) * size);
    result.set(transposed(part, rows, columns), block * size);
  }
  return result;
}

function partOf(parts: StoredAdapter['parts'], name: string): PartValues {
  const found = parts[name];
  if (found === undefined) throw new Error(`an adapter lacks its part ${name}`);
  return found;
}
