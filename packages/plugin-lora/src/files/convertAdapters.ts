// Adapters from one dialect into another: the same numbers under other names.
import { basename, dirname } from 'node:path';
import { ConfigError, type DiffusionModel } from '@likeness/core';
import { lokr } from '../adapters/lokr.ts';
import { LORA_FORMATS, type LoraFormat } from '../options.ts';
import type { WeightsDtype, WrittenAdapter } from './dialects.ts';
import { writeAdapters } from './exportAdapters.ts';
import { modelSpec, splitKohya, trainingMetadata } from './kohyaMetadata.ts';
import type { AdapterFile, StoredAdapter } from './readAdapters.ts';

export interface ConvertOptions {
  readonly format: LoraFormat;
  /** Default: each tensor as it is. */
  readonly dtype?: WeightsDtype;
}

/**
 * Writes adapters in another dialect. There and back gives the same bytes.
 * @param output a .safetensors file, or a folder in which the files get the names of their tools; PEFT's needs a folder
 * @returns the files written
 * @throws ConfigError when the dialect cannot say an adapter, naming all that it cannot
 */
export async function convertAdapters(
  model: DiffusionModel,
  file: AdapterFile,
  output: string,
  { format, dtype }: ConvertOptions,
): Promise<string[]> {
  checkConversion(file, output, format);
  const adapters = file.adapters.map(toWrite);
  const isFile = output.endsWith('.safetensors');
  return writeAdapters(isFile ? dirname(output) : output, adapters, {
    model,
    format,
    dtype: dtype ?? 'asIs',
    metadata: metadataToKeep(file, adapters, model),
    embeddings: file.embeddings,
    ...(isFile ? { fileName: basename(output) } : {}),
  });
}

/**
 * Whether a dialect can say the adapters of a file.
 * @throws ConfigError with the reason for each that it cannot
 */
export function checkConversion(
  { path, adapters, embeddings }: AdapterFile,
  output: string,
  format: LoraFormat,
): void {
  if (format === 'peft' && output.endsWith('.safetensors')) {
    throw new ConfigError('PEFT keeps settings beside the weights', {
      code: 'adapter/peft-is-a-folder',
      where: output,
      expected: 'a folder to write into',
      hint: `say ${output.replace(/\.safetensors$/, '')} instead`,
    });
  }
  const problems = new Map<string, number>();
  for (const adapter of adapters) {
    const reason = refusal(adapter, format);
    if (reason !== undefined) problems.set(reason, (problems.get(reason) ?? 0) + 1);
  }
  if (embeddings.length > 0 && format !== 'kohya')
    problems.set(
      'embeddings in the same file (bundle_emb) are known to kohya’s relatives only',
      embeddings.length,
    );
  if (problems.size === 0) return;
  const able = LORA_FORMATS.filter(
    (other) =>
      other !== format &&
      (embeddings.length === 0 || other === 'kohya') &&
      adapters.every((adapter) => refusal(adapter, other) === undefined),
  );
  throw new ConfigError(`${format} cannot say all of this file`, {
    code: 'adapter/no-such-spelling',
    where: path,
    details: [...problems].map(([reason, times]) => `${reason} (${times})`),
    hint: able.length > 0 ? `--to ${able.join(' or ')}` : 'merge it into a model: pipeline merge',
  });
}

function refusal(
  { method: { name }, magnitude, parts, layer, rank, scale }: StoredAdapter,
  format: LoraFormat,
): string | undefined {
  if (format === 'kohya') {
    const isWhole = name === 'lokr' && parts['lokr_w2_b'] === undefined && parts['lokr_w1_b'] === undefined;
    return isWhole && scale !== 1 ? 'LyCORIS counts no alpha on LoKr of whole factors' : undefined;
  }
  if (parts['mid']) return 'a kernel between the two ways exists in LyCORIS only';
  if (magnitude?.axis === 'in') return 'lengths by input (older LyCORIS) exist nowhere else';
  if (name === 'lora') return undefined;
  if (format === 'diffusers') return `diffusers reads no ${name} in its own spelling`;
  if (magnitude) return `DoRA over ${name} exists in LyCORIS only`;
  if (parts['hada_t1'] || parts['lokr_t2'])
    return 'Tucker cores are settings that PEFT has for all layers or none';
  if (name === 'lokr' && !isPeftsShape(parts, layer, rank))
    return 'LoKr whose factors have other sizes than PEFT’s';
  return undefined;
}

/** PEFT works out the sizes of LoKr's factors from the rank. */
function isPeftsShape(
  parts: StoredAdapter['parts'],
  layer: StoredAdapter['layer'],
  rank: number | undefined,
): boolean {
  if (rank === undefined) return false;
  const planned = lokr.plan(layer, { rank, initialisation: 'gaussian' });
  return (
    planned.length === Object.keys(parts).length &&
    planned.every(({ name, shape }) => parts[name]?.shape.join() === shape.join())
  );
}

/** As the writers take it. */
export function toWrite({ method, layer, parts, scale, rank, magnitude }: StoredAdapter): WrittenAdapter {
  return { method, layer, parts, scale, rank: rank ?? 1, ...(magnitude ? { magnitude } : {}) };
}

/** What a file says about itself, without what follows from its dialect and is written anew. */
function metadataToKeep(
  { metadata }: AdapterFile,
  adapters: readonly WrittenAdapter[],
  model: DiffusionModel,
): Record<string, string> {
  const { run, training, specification, rest } = splitKohya(metadata);
  const derived = { ...trainingMetadata(adapters, model, run), ...modelSpec(model, run, '') };
  const own = Object.entries({ ...rest, ...training, ...specification });
  return Object.fromEntries(
    own.filter(([key, value]) => key !== 'lora_adapter_metadata' && derived[key] !== value),
  );
}
