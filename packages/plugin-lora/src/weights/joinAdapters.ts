// Several files of LoRA as one, by weight: their ranks side by side, which is exact, or cut to a rank by SVD.
import { ConfigError, createRng } from '@likeness/core';
import type { WrittenAdapter } from '../files/dialects.ts';
import type { StoredAdapter } from '../files/readAdapters.ts';
import { sizesOf, type AdaptableLayer } from '../layers.ts';
import type { WeightedAdapter } from './adaptedWeight.ts';
import { adapterOf, loraAdapter, type LayerShare } from './lowRank.ts';
import { energyOf } from './matrix.ts';
import type { WeightedFile } from './mergeAdapters.ts';
import { productSvd, truncatedSvd, type SingularTriples } from './svd.ts';
import { loraFactors, weightChange } from './weightChange.ts';

export interface JoinOptions {
  /** Of the joined adapters; without, the sum of the ranks. */
  readonly rank?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Joined {
  readonly adapters: readonly WrittenAdapter[];
  readonly shares: readonly LayerShare[];
}

/**
 * Joins adapters so that the one file acts as all of them together.
 *
 * Without a rank the weights and scales are multiplied into the ways up and everything else is copied: what is not exact
 * is one rounding of each of those numbers. With a rank the nearest adapters of that rank are written.
 * @throws ConfigError for adapters that no LoRA can say
 */
export async function joinAdapters(
  files: readonly WeightedFile[],
  { rank, onProgress }: JoinOptions = {},
): Promise<Joined> {
  const byLayer = new Map<string, { layer: AdaptableLayer; adapters: WeightedAdapter[] }>();
  for (const { adapters, weight } of files) {
    for (const adapter of adapters) {
      const { layer } = adapter;
      const name = `${layer.component}.${layer.path}`;
      const known = byLayer.get(name) ?? { layer, adapters: [] };
      known.adapters.push({ adapter, weight });
      byLayer.set(name, known);
    }
  }
  refuseWhatIsNoSum(
    files.flatMap(({ adapters }) => adapters),
    rank,
  );
  const joined: WrittenAdapter[] = [];
  const shares: LayerShare[] = [];
  for (const { layer, adapters } of byLayer.values()) {
    onProgress?.(joined.length, byLayer.size);
    // Lets a Ctrl-C and the progress line have their turn.
    await new Promise(setImmediate);
    const { adapter, ...share } = joinLayer(layer, adapters, rank);
    joined.push(adapter);
    shares.push({ layer, rank: adapter.rank, ...share });
  }
  return { adapters: joined, shares };
}

function refuseWhatIsNoSum(adapters: readonly StoredAdapter[], rank: number | undefined): void {
  if (adapters.some(({ magnitude }) => magnitude)) {
    throw new ConfigError('DoRA gives weights a length of their own, which no sum of adapters has', {
      code: 'adapter/not-a-sum',
      expected: 'LoRA or LoCon; LoHa and LoKr with a rank',
      hint: 'merge it into a model instead, and extract the difference',
    });
  }
  const other = adapters.find(({ method }) => method.name !== 'lora')?.method.name;
  if (other !== undefined && rank === undefined) {
    throw new ConfigError(`${other} has no ranks that could be laid side by side`, {
      code: 'adapter/not-a-sum',
      expected: 'LoRA or LoCon',
      hint: 'say --rank: the nearest LoRA of that rank is written, and what it keeps is told',
    });
  }
}

function joinLayer(
  layer: AdaptableLayer,
  adapters: readonly WeightedAdapter[],
  rank: number | undefined,
): { adapter: WrittenAdapter } & Pick<LayerShare, 'energy' | 'keptEnergy'> {
  const { out, inputs, places } = sizesOf(layer);
  const size = { rows: out, columns: inputs * places };
  const isLora = adapters.every(({ adapter }) => adapter.method.name === 'lora');
  if (!isLora && rank !== undefined) {
    const sum = new Float64Array(size.rows * size.columns);
    for (const { adapter, weight } of adapters)
      weightChange(adapter).forEach((value, i) => (sum[i] = (sum[i] as number) + weight * value));
    const stream = createRng(0).stream(`join.${layer.component}.${layer.path}`, 0, 0);
    const triples = truncatedSvd(sum, size, rank, (count) => stream.normal(count), 'energy');
    return {
      adapter: adapterOf(layer, triples),
      energy: energyOf(sum),
      keptEnergy: energyOf(triples.values),
    };
  }
  const { up, down, inner } = sideBySide(layer, adapters);
  const asTheyAre = (): WrittenAdapter =>
    loraAdapter(layer, inner, Float32Array.from(up), Float32Array.from(down));
  // Nothing is lost, so its size is no matter.
  if (rank === undefined) return { adapter: asTheyAre(), energy: 1, keptEnergy: 1 };
  const all = productSvd(up, down, size, inner, inner);
  const energy = energyOf(all.values);
  if (inner <= rank) return { adapter: asTheyAre(), energy, keptEnergy: energy };
  const triples = largestTriples(all, rank, size);
  return { adapter: adapterOf(layer, triples), energy, keptEnergy: energyOf(triples.values) };
}

/** `[out, r₁ + r₂ + …]` with weights and scales in it, and `[r₁ + r₂ + …, in · h · w]`. */
function sideBySide(
  layer: AdaptableLayer,
  adapters: readonly WeightedAdapter[],
): { up: Float64Array; down: Float64Array; inner: number } {
  const { out, inputs, places } = sizesOf(layer);
  const width = inputs * places;
  const factors = adapters.map(({ adapter, weight }) => ({
    ...loraFactors(adapter),
    factor: weight * adapter.scale,
  }));
  const inner = factors.reduce((sum, { rank }) => sum + rank, 0);
  const up = new Float64Array(out * inner);
  const down = new Float64Array(inner * width);
  let first = 0;
  for (const { up: ownUp, down: ownDown, rank, factor } of factors) {
    for (let o = 0; o < out; o++) {
      for (let r = 0; r < rank; r++) up[o * inner + first + r] = factor * (ownUp[o * rank + r] as number);
    }
    down.set(ownDown, first * width);
    first += rank;
  }
  return { up, down, inner };
}

/** The largest triples of a decomposition. */
export function largestTriples(
  { values, left, right }: SingularTriples,
  rank: number,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): SingularTriples {
  const count = Math.min(rank, values.length);
  return {
    values: values.slice(0, count),
    left: left.subarray(0, count * rows),
    right: right.subarray(0, count * columns),
  };
}
