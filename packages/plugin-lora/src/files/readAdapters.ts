// Reads adapter files of every tool into one form.
import { readSafetensorsHeader, WeightsError, type TensorEntry } from '@likeness/core';
import { elementsOf, type AdapterMethod, type Parts, type Shape } from '../adapters/adapter.ts';
import type { MagnitudeAxis } from '../adapters/magnitude.ts';
import { sizesOf, type AdaptableLayer } from '../layers.ts';
import { METHODS } from '../options.ts';
import { isBundled, readBundled, type BundledEmbedding } from './bundledEmbeddings.ts';
import { numberedModules } from './numberedModules.ts';
import {
  findPeftSettings,
  rankFromSettings,
  scaleFromSettings,
  type PeftSettings,
  type SettingsOf,
} from './peftSettings.ts';
import { refusalOf } from './refusals.ts';
import { firstOf, shown } from './shown.ts';
import { spellingsOf, splitKey } from './spellings.ts';
import { readStored, type FloatDtype } from './storedNumbers.ts';

export interface PartValues {
  readonly shape: Shape;
  readonly values: Float32Array;
  /** What it is written as where types are kept: the file's own, or the nearest of these three. */
  readonly dtype: FloatDtype;
}

/** An adapter as a file holds it, whatever its spelling. */
export interface StoredAdapter {
  readonly method: AdapterMethod;
  readonly layer: AdaptableLayer;
  readonly parts: Parts<PartValues>;
  /** Factor on ΔW: alpha / rank. */
  readonly scale: number;
  /** As the file says it; LoKr of two whole factors has none in its tensors. */
  readonly rank: number | undefined;
  readonly magnitude?: {
    readonly values: Float32Array;
    readonly axis: MagnitudeAxis;
    readonly dtype: FloatDtype;
  };
}

export interface AdapterFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly adapters: readonly StoredAdapter[];
  /** Words whose vectors lie in the same file (`bundle_emb.*`). */
  readonly embeddings: readonly BundledEmbedding[];
}

type Entries = Record<string, TensorEntry>;

/**
 * Reads a .safetensors file of adapters for a model.
 * @param layers the model's: `adaptableLayers(model)`
 * @throws WeightsError saying which model they are for, or which keys and tensors are no adapter of this one
 */
export async function readAdapters(path: string, layers: readonly AdaptableLayer[]): Promise<AdapterFile> {
  const { tensors, metadata } = await readSafetensorsHeader(path);
  const settingsOf = await findPeftSettings(path, metadata, tensors);
  const spellings = spellingsOf(layers);
  const byLayer = new Map<AdaptableLayer, Entries>();
  const [embeddings, unknown]: [TensorEntry[], TensorEntry[]] = [[], []];
  const doubled: string[] = [];
  const numbered = numberedModules(tensors, metadata, layers);
  for (const [key, entry] of tensors) {
    if (isBundled(entry)) {
      embeddings.push(entry);
      continue;
    }
    const place = numbered.get(key) ?? lookUp(key, spellings);
    if (place === undefined) {
      unknown.push(entry);
      continue;
    }
    const entries = byLayer.get(place.layer) ?? {};
    const twin = entries[place.part];
    if (twin) doubled.push(`${shown(key)} and ${shown(twin.name)}`);
    entries[place.part] = entry;
    byLayer.set(place.layer, entries);
  }
  const fitted = [...byLayer].map(([layer, entries]) => fitOf(layer, entries));
  const misfits = fitted.flatMap(({ misfit }) => misfit ?? []);
  const fitting = fitted.filter(({ hasSizes }) => hasSizes).length;
  const refusal = refusalOf({ path, tensors, metadata, layers, unknown, fitting, misfits });
  if (refusal) throw refusal;
  if (doubled.length > 0) {
    throw new WeightsError('keys that hold the same part of an adapter', {
      code: 'adapter/double-key',
      where: path,
      details: firstOf(doubled),
      hint: 'get the file again: two were put into one',
    });
  }
  if (fitted.length === 0)
    throw new WeightsError('no adapters in the file', { code: 'adapter/empty', where: path });
  const adapters = await Promise.all(fitted.map((one) => readAdapter(one, settingsOf)));
  return { path, metadata, adapters, embeddings: await Promise.all(embeddings.map(readBundled)) };
}

function lookUp(
  key: string,
  spellings: ReadonlyMap<string, AdaptableLayer>,
): { layer: AdaptableLayer; part: string } | undefined {
  const split = splitKey(key);
  const layer = split && spellings.get(split.module);
  return layer && { layer, part: split.part };
}

/** The tensors of a layer's adapter, and what does not fit. */
interface Fitted {
  readonly layer: AdaptableLayer;
  readonly method: AdapterMethod;
  readonly parts: Entries;
  readonly shapes: Parts<Shape>;
  readonly alpha: TensorEntry | undefined;
  readonly magnitude: TensorEntry | undefined;
  readonly axis: MagnitudeAxis | undefined;
  /** Whether its tensors have the sizes that the layer asks for. */
  readonly hasSizes: boolean;
  readonly misfit: string | undefined;
}

function fitOf(
  layer: AdaptableLayer,
  { alpha, dora_scale: doraScale, magnitude = doraScale, ...parts }: Entries,
): Fitted {
  const names = Object.keys(parts);
  const method =
    METHODS[
      names.some((part) => part.startsWith('hada_'))
        ? 'loha'
        : names.some((part) => part.startsWith('lokr_'))
          ? 'lokr'
          : 'lora'
    ];
  const shapes = Object.fromEntries(names.map((part) => [part, parts[part]?.shape ?? []]));
  const axis = magnitude && magnitudeAxis(magnitude, layer);
  const problems = method.misfits(shapes, layer);
  const hasSizes = problems.length === 0;
  if (magnitude && !axis)
    problems.push(`the magnitude is [${magnitude.shape.join()}] on a weight [${layer.shape.join()}]`);
  if (method.rankOf(shapes) === 0) problems.push('its rank is 0');
  if (alpha && elementsOf(alpha.shape) !== 1)
    problems.push(`alpha is [${alpha.shape.join()}], not one number`);
  const misfit = problems.length > 0 ? `${layer.component}.${layer.path}: ${problems.join('; ')}` : undefined;
  return { layer, method, parts, shapes, alpha, magnitude, axis, hasSizes, misfit };
}

async function readAdapter(
  { layer, method, parts, shapes, alpha, magnitude, axis }: Fitted,
  settingsOf: SettingsOf,
): Promise<StoredAdapter> {
  const values = await Promise.all(
    Object.entries(parts).map(async ([part, entry]) => [part, await readPart(entry)] as const),
  );
  const own = method.rankOf(shapes);
  // Only what has no alpha of its own goes by settings.
  const settings = alpha === undefined ? settingsOf(layer.component) : undefined;
  const stored = alpha && (await readPart(alpha)).values[0];
  const rank = own ?? (settings && rankFromSettings(settings, layer.path)) ?? stored;
  return {
    method,
    layer,
    parts: Object.fromEntries(values),
    scale: scaleOf(stored, own, settings, layer),
    rank,
    ...(magnitude && axis ? { magnitude: { ...(await readPart(magnitude)), axis } } : {}),
  };
}

const readPart = async (entry: TensorEntry): Promise<PartValues> => ({
  shape: entry.shape,
  ...(await readStored(entry)),
});

/** Written beside the tensors (kohya), in settings (PEFT, diffusers), or nowhere: then alpha is the rank. */
function scaleOf(
  alpha: number | undefined,
  rank: number | undefined,
  settings: PeftSettings | undefined,
  { path }: AdaptableLayer,
): number {
  if (alpha !== undefined) return rank === undefined ? 1 : alpha / rank;
  return settings === undefined ? 1 : scaleFromSettings(settings, path, rank);
}

/** LyCORIS writes `[out, 1, …]` or, with its older norm, `[1, in, …]`; PEFT `[out]`, and `[1, out, 1, 1]` on convolutions. */
function magnitudeAxis({ name, shape }: TensorEntry, layer: AdaptableLayer): MagnitudeAxis | undefined {
  const { out, inputs } = sizesOf(layer);
  const count = shape.reduce((product, size) => product * size, 1);
  const byInput =
    name.endsWith('.dora_scale') && shape.length > 1 && shape[0] === 1 && shape[1] === inputs && out > 1;
  if (byInput) return 'in';
  return count === out ? 'out' : undefined;
}
