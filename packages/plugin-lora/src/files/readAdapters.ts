// Reads adapter files of every tool into one form.
import { readSafetensorsHeader, readTensor, WeightsError, type TensorEntry } from '@likeness/core';
import type { AdapterMethod, Parts, Shape } from '../adapters/adapter.ts';
import type { MagnitudeAxis } from '../adapters/magnitude.ts';
import { sizesOf, type AdaptableLayer } from '../layers.ts';
import { METHODS } from '../options.ts';
import { isBundled, readBundled, type BundledEmbedding } from './bundledEmbeddings.ts';
import { numberedModules } from './numberedModules.ts';
import { findPeftSettings, rankFromSettings, scaleFromSettings, type PeftSettings } from './peftSettings.ts';
import { spellingsOf, splitKey } from './spellings.ts';

export interface PartValues {
  readonly shape: Shape;
  readonly values: Float32Array;
  /** The type it has in the file. */
  readonly dtype: FloatDtype;
}
export type FloatDtype = 'F32' | 'F16' | 'BF16';

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
 * @throws WeightsError listing every key that is no adapter of such a model, and every tensor that does not fit
 */
export async function readAdapters(path: string, layers: readonly AdaptableLayer[]): Promise<AdapterFile> {
  const { tensors, metadata } = await readSafetensorsHeader(path);
  const spellings = spellingsOf(layers);
  const byLayer = new Map<AdaptableLayer, Entries>();
  const [embeddings, unknown]: [TensorEntry[], string[]] = [[], []];
  const numbered = numberedModules(tensors, metadata, layers);
  for (const [key, entry] of tensors) {
    if (isBundled(entry)) {
      embeddings.push(entry);
      continue;
    }
    const place = numbered.get(key) ?? lookUp(key, spellings);
    if (place === undefined) {
      unknown.push(`${key} [${entry.shape.join()}]`);
      continue;
    }
    const entries = byLayer.get(place.layer) ?? {};
    if (entries[place.part]) unknown.push(`${key}: ${entries[place.part]?.name ?? ''} holds the same part`);
    entries[place.part] = entry;
    byLayer.set(place.layer, entries);
  }
  if (unknown.length > 0) {
    throw new WeightsError('keys that are no adapter of this model', {
      code: 'adapter/unknown-keys',
      where: path,
      expected:
        'LoRA, LoCon, LoHa, LoKr or DoRA for layers that the model has, and words for its one text encoder (bundle_emb.WORD.clip_l)',
      details: unknown,
    });
  }
  const settingsOf = await findPeftSettings(path, metadata);
  const read = await Promise.all(
    [...byLayer].map(([layer, entries]) => readAdapter(layer, entries, settingsOf(layer.component))),
  );
  const misfits = read.flatMap((result) => ('misfits' in result ? result.misfits : []));
  if (misfits.length > 0)
    throw new WeightsError('adapters that do not fit the model', {
      code: 'adapter/does-not-fit',
      where: path,
      details: misfits,
    });
  const adapters = read.filter((result): result is StoredAdapter => 'method' in result);
  if (adapters.length === 0)
    throw new WeightsError('no adapters in the file', { code: 'adapter/empty', where: path });
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

async function readAdapter(
  layer: AdaptableLayer,
  { alpha, dora_scale: doraScale, magnitude = doraScale, ...own }: Entries,
  settings: PeftSettings | undefined,
): Promise<StoredAdapter | { misfits: string[] }> {
  const name = `${layer.component}.${layer.path}`;
  const names = Object.keys(own);
  const method =
    METHODS[
      names.some((part) => part.startsWith('hada_'))
        ? 'loha'
        : names.some((part) => part.startsWith('lokr_'))
          ? 'lokr'
          : 'lora'
    ];
  const shapes = Object.fromEntries(names.map((part) => [part, own[part]?.shape ?? []]));
  const axis = magnitude && magnitudeAxis(magnitude, layer);
  const misfits = method.misfits(shapes, layer);
  if (magnitude && !axis)
    misfits.push(`the magnitude is [${magnitude.shape.join()}] on a weight [${layer.shape.join()}]`);
  if (misfits.length > 0) return { misfits: misfits.map((problem) => `${name}: ${problem}`) };

  const values = await Promise.all(
    names.map(async (part) => {
      const entry = own[part];
      return entry ? [[part, await readPart(entry)] as const] : [];
    }),
  );
  const rank = method.rankOf(shapes);
  return {
    method,
    layer,
    parts: Object.fromEntries(values.flat()),
    scale: await scaleOf(alpha, rank, settings, layer),
    rank:
      rank ?? (settings && rankFromSettings(settings, layer.path)) ?? (alpha && (await readTensor(alpha))[0]),
    ...(magnitude && axis ? { magnitude: { ...(await readPart(magnitude)), axis } } : {}),
  };
}

/** Of the tensors of a file only floating-point ones can be read. */
async function readPart(entry: TensorEntry): Promise<PartValues> {
  const values = await readTensor(entry);
  return { shape: entry.shape, values, dtype: entry.dtype as FloatDtype };
}

/** Written beside the tensors (kohya), in settings (PEFT, diffusers), or nowhere: then alpha is the rank. */
async function scaleOf(
  alpha: TensorEntry | undefined,
  rank: number | undefined,
  settings: PeftSettings | undefined,
  { path }: AdaptableLayer,
): Promise<number> {
  if (alpha !== undefined) return rank === undefined ? 1 : ((await readTensor(alpha))[0] ?? rank) / rank;
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
