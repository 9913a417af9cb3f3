// LoRA's two factors from singular triples, and what share of a change they keep.
import type { WrittenAdapter } from '../files/dialects.ts';
import { sizesOf, type AdaptableLayer } from '../layers.ts';
import { METHODS } from '../options.ts';
import type { SingularTriples } from './svd.ts';

/** How much of a layer's change an adapter keeps. */
export interface LayerShare {
  readonly layer: AdaptableLayer;
  readonly rank: number;
  /** Sum of squares of the whole change. */
  readonly energy: number;
  /** Of the part that is kept. */
  readonly keptEnergy: number;
}

/** Kept energy over all layers, 0 … 1; 1 when nothing changed. */
export function totalShare(shares: readonly LayerShare[]): number {
  const energy = shares.reduce((sum, share) => sum + share.energy, 0);
  const kept = shares.reduce((sum, share) => sum + share.keptEnergy, 0);
  return energy === 0 ? 1 : Math.min(1, kept / energy);
}

/** Smallest number of values that keeps a share of the energy; all of them when they do not reach it. */
export function rankFor(values: Float64Array, energy: number, share: number): number {
  let kept = 0;
  for (const [i, value] of values.entries()) {
    kept += value * value;
    if (kept >= share * energy) return i + 1;
  }
  return values.length;
}

/** Both factors get the root of the singular values, so that neither is tiny or large in half precision; alpha = rank. */
export function adapterOf(layer: AdaptableLayer, { values, left, right }: SingularTriples): WrittenAdapter {
  const { out, inputs, places } = sizesOf(layer);
  const rank = values.length;
  const up = new Float32Array(out * rank);
  const down = new Float32Array(rank * inputs * places);
  values.forEach((value, i) => {
    const root = Math.sqrt(Math.max(value, 0));
    for (let o = 0; o < out; o++) up[o * rank + i] = root * (left[i * out + o] as number);
    const row = i * inputs * places;
    for (let j = 0; j < inputs * places; j++) down[row + j] = root * (right[row + j] as number);
  });
  return loraAdapter(layer, rank, up, down);
}

/** @param up `[out, rank]` @param down `[rank, in · h · w]` */
export function loraAdapter(
  layer: AdaptableLayer,
  rank: number,
  up: Float32Array,
  down: Float32Array,
): WrittenAdapter {
  const { out } = sizesOf(layer);
  const [, ...inner] = layer.shape;
  const parts = {
    down: { shape: [rank, ...inner], values: down },
    up: { shape: [out, rank, ...inner.slice(1).map(() => 1)], values: up },
  };
  return { method: METHODS.lora, layer, rank, scale: 1, parts };
}
