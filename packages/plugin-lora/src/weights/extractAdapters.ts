// LoRA from the difference of two models: the nearest adapters of a rank, by SVD, layer by layer. Reference: kohya
// sd-scripts, networks/extract_lora_from_models.py; its clamping of large entries to a quantile is not done here, so that
// what is written is the nearest of its rank.
import {
  createRng,
  readTensor,
  readTensorRaw,
  WeightsError,
  type DiffusionModel,
  type ModelComponent,
  type TensorEntry,
} from '@likeness/core';
import type { WrittenAdapter } from '../files/dialects.ts';
import { describeModel } from '../files/modelFamily.ts';
import { firstOf } from '../files/shown.ts';
import type { FloatDtype } from '../files/storedNumbers.ts';
import { adaptableLayers, componentOf, sizesOf, type AdaptableLayer } from '../layers.ts';
import { largestTriples } from './joinAdapters.ts';
import { adapterOf, rankFor, type LayerShare } from './lowRank.ts';
import { energyOf } from './matrix.ts';
import { roundedBits, valuesOf } from './residual.ts';
import { truncatedSvd, type SingularTriples } from './svd.ts';

export interface ExtractOptions {
  /** Of every adapter; with `energy`, the highest one. */
  readonly rank: number;
  /** Share of each layer's change to keep, 0 … 1: ranks follow from it. */
  readonly energy?: number;
  /** Numbers looked at and all numbers, of the layers. */
  readonly onProgress?: (done: number, total: number, layer: string) => void;
  readonly signal?: AbortSignal;
}

/** A weight that differs and cannot be in a LoRA. */
export interface LeftOver {
  /** `unet.conv_in.bias` */
  readonly weight: string;
  readonly largestDifference: number;
}

export interface Extracted {
  readonly adapters: readonly WrittenAdapter[];
  /** One for each layer that differs. */
  readonly shares: readonly LayerShare[];
  /** Biases, norms, embeddings, layers that were not asked for, the autoencoder. */
  readonly leftOver: readonly LeftOver[];
}

/**
 * @param layers the layers that may get an adapter, of the base model
 * @throws WeightsError when the models do not have the same weights
 */
export async function extractAdapters(
  base: DiffusionModel,
  tuned: DiffusionModel,
  layers: readonly AdaptableLayer[],
  { rank, energy, onProgress, signal }: ExtractOptions,
): Promise<Extracted> {
  const pairs = pairWeights(base, tuned);
  const byKey = new Map(layers.map((layer) => [`${layer.component}.${layer.path}.weight`, layer]));
  const total = pairs.reduce((sum, { size }) => sum + size, 0);
  const adapters: WrittenAdapter[] = [];
  const shares: LayerShare[] = [];
  const leftOver: LeftOver[] = [];
  let done = 0;
  for (const { weight, before, after, size } of pairs) {
    signal?.throwIfAborted();
    onProgress?.(done, total, weight);
    done += size;
    const change = await differenceOf(before, after);
    if (change === undefined) continue;
    const layer = byKey.get(weight);
    if (layer === undefined) {
      const largestDifference = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      leftOver.push({ weight, largestDifference });
      continue;
    }
    const whole = energyOf(change);
    const triples = largestOf(change, layer, whole, rank, energy);
    adapters.push(adapterOf(layer, triples));
    shares.push({ layer, rank: triples.values.length, energy: whole, keptEnergy: energyOf(triples.values) });
  }
  onProgress?.(total, total, '');
  return { adapters, shares, leftOver };
}

/** With `energy`, more and more triples until they keep it. */
function largestOf(
  change: Float32Array,
  layer: AdaptableLayer,
  whole: number,
  rank: number,
  energy: number | undefined,
): SingularTriples {
  const { out, inputs, places } = sizesOf(layer);
  const size = { rows: out, columns: inputs * places };
  const most = Math.min(rank, size.rows, size.columns);
  const decompose = (count: number): SingularTriples => {
    const stream = createRng(0).stream(`extract.${layer.component}.${layer.path}`, 0, 0);
    return truncatedSvd(change, size, count, (numbers) => stream.normal(numbers), 'energy');
  };
  if (energy === undefined) return decompose(most);
  for (let count = Math.min(FIRST_GUESS, most); ; count = Math.min(2 * count, most)) {
    const triples = decompose(count);
    const kept = energyOf(triples.values);
    if (kept >= energy * whole || count === most)
      return largestTriples(triples, rankFor(triples.values, whole, energy), size);
  }
}

const FIRST_GUESS = 16;

interface WeightPair {
  readonly weight: string;
  readonly before: TensorEntry;
  readonly after: TensorEntry;
  readonly size: number;
}

/** The weights of both models, by name. */
function pairWeights(base: DiffusionModel, tuned: DiffusionModel): WeightPair[] {
  const problems: string[] = [];
  const pairs = componentsOf(base).flatMap((component, i) => {
    const others = componentsOf(tuned)[i]?.tensors ?? new Map<string, TensorEntry>();
    for (const key of others.keys()) {
      if (!component.tensors.has(key)) problems.push(`${component.name}.${key}: in the tuned model only`);
    }
    return [...component.tensors].flatMap(([key, before]): WeightPair[] => {
      const weight = `${component.name}.${key}`;
      const after = others.get(key);
      if (after === undefined) problems.push(`${weight}: in the base model only`);
      else if (after.shape.join() !== before.shape.join())
        problems.push(
          `${weight}: [${before.shape.join()}] in the base, [${after.shape.join()}] in the tuned model`,
        );
      else return [{ weight, before, after, size: before.shape.reduce((a, b) => a * b, 1) }];
      return [];
    });
  });
  if (problems.length === 0) return pairs;
  throw new WeightsError('the models are not built alike', {
    code: 'adapter/models-differ',
    where: `${base.source}, ${tuned.source}`,
    details: firstOf(problems),
    expected: `a model and what was tuned from it; the first is ${describeModel(adaptableLayers(base))}`,
    got: `the second is ${describeModel(adaptableLayers(tuned))}`,
    hint: 'name the base model that the second was tuned from',
  });
}

const componentsOf = (model: DiffusionModel): ModelComponent[] => [
  componentOf(model, 'text_encoder'),
  componentOf(model, 'unet'),
  model.latentCodec,
];

/**
 * What training added; undefined for nothing. Where one model is in half precision, rounding the other one to it tells
 * whether there is more than rounding between them.
 */
async function differenceOf(before: TensorEntry, after: TensorEntry): Promise<Float32Array | undefined> {
  if (before.dtype === after.dtype) {
    const [a, b] = await Promise.all([readTensorRaw(before), readTensorRaw(after)]);
    if (a.equals(b)) return undefined;
  }
  const [old, tuned] = await Promise.all([readTensor(before), readTensor(after)]);
  const rounded = (values: Float32Array, { dtype }: TensorEntry): Float32Array =>
    valuesOf(roundedBits(Float64Array.from(values), dtype as FloatDtype), dtype as FloatDtype);
  if (before.dtype !== after.dtype) {
    if (rounded(tuned, before).every((value, i) => value === old[i])) return undefined;
    if (rounded(old, after).every((value, i) => value === tuned[i])) return undefined;
  }
  // A tuned model in half precision is compared with what the base is in it.
  const from = after.dtype === 'F32' ? old : rounded(old, after);
  return tuned.map((value, i) => value - (from[i] as number));
}
