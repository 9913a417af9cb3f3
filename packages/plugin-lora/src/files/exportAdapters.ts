// Writes trained adapters as files other tools load: one dialect a file.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  trainedValues,
  writeFileWhole,
  writeSafetensors,
  type DiffusionModel,
  type ExportTarget,
  type TensorSource,
} from '@likeness/core';
import { MAGNITUDE } from '../adapters/magnitude.ts';
import { valuesBeside } from '../adapters/origin.ts';
import { adaptableLayers, type ComponentName } from '../layers.ts';
import type { LoraFormat } from '../options.ts';
import type { HeldAdapter, HeldPart } from '../held.ts';
import { bundled, type BundledEmbedding } from './bundledEmbeddings.ts';
import { inFileOrder, spelledOut, type WeightsDtype, type WrittenAdapter } from './dialects.ts';
import { DIFFUSERS_FILE, KOHYA_FILE, PEFT_FILE } from './fileNames.ts';
import { modelSpec, splitKohya, trainingMetadata } from './kohyaMetadata.ts';
import type { PartValues } from './readAdapters.ts';
import { peftConfig } from './peftConfig.ts';
import { writeKohyaFile } from './writeKohyaFile.ts';

/** What is said of such files in their headers and in the model card. */
export const PISSA_NOTE =
  'trained from PiSSA at half this rank: [B, -B0] [A; A0], an ordinary LoRA on the unchanged base model';

/** @returns the files written */
export async function exportAdapters(
  adapters: readonly HeldAdapter[],
  { format, bundleEmbedding }: { readonly format: LoraFormat; readonly bundleEmbedding: boolean },
  target: ExportTarget,
): Promise<string[]> {
  const words = bundleEmbedding ? target.words : [];
  const names = adapters.flatMap(({ parts }) => parts.map(({ variableName }) => variableName));
  const origins = adapters.flatMap(({ origin }) => (origin ? [origin.down, origin.up] : []));
  const others = [
    ...origins.map(({ variableName }) => variableName),
    ...words.map(({ variable }) => variable),
  ];
  const values = await trainedValues(
    target,
    [...names, ...others].map((name) => ({ key: name, variable: name })),
  );
  const valuesOf = ({ shape, variableName }: HeldPart): PartValues => ({
    shape,
    values: values.get(variableName) ?? new Float32Array(),
    dtype: 'F32',
  });
  const written = adapters.map(({ method, layer, rank, scale, parts, origin }): WrittenAdapter => {
    const { [MAGNITUDE]: length, ...own }: Record<string, PartValues> = Object.fromEntries(
      parts.map((part) => [part.name, valuesOf(part)]),
    );
    const magnitude = length?.values;
    const { down, up } = own;
    const whole =
      origin && down && up
        ? valuesBeside({ down, up }, { down: valuesOf(origin.down), up: valuesOf(origin.up) })
        : own;
    return {
      method,
      layer,
      rank: origin ? 2 * rank : rank,
      scale,
      parts: whole,
      ...(magnitude ? { magnitude: { values: magnitude } } : {}),
    };
  });
  const { folder, model, options } = target;
  const embeddings = words.map(({ word, vectors, width, variable }) => ({
    word,
    vectors,
    width,
    values: values.get(variable) ?? new Float32Array(),
  }));
  const { dtype } = options;
  const metadata = { ...options.metadata, ...(origins.length > 0 ? { pissa: PISSA_NOTE } : {}) };
  return writeAdapters(folder, written, { model, format, dtype, metadata, embeddings });
}

export interface WriteOptions {
  readonly model: DiffusionModel;
  readonly format: LoraFormat;
  /** `asIs`: each tensor as it was where it came from. */
  readonly dtype: WeightsDtype | 'asIs';
  /** Of the run, with its settings as JSON under `likeness`; what it knows of `ss_*` and `modelspec.*` is kept. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Name of the file, where the dialect has one; default: what its tools call it. */
  readonly fileName?: string;
  /** Vectors of words, to lie in the same file; only kohya's readers take them there. */
  readonly embeddings?: readonly BundledEmbedding[];
}

/** Writes adapters into a folder. @returns the files written */
export async function writeAdapters(
  folder: string,
  adapters: readonly WrittenAdapter[],
  { model, format, dtype, metadata, fileName, embeddings = [] }: WriteOptions,
): Promise<string[]> {
  const sources = (some: readonly WrittenAdapter[]): TensorSource[] =>
    inFileOrder([...some.flatMap((adapter) => spelledOut(adapter, format)), ...bundled(embeddings)], dtype);
  const components = (['unet', 'text_encoder'] as const).flatMap((component) => {
    const own = adapters.filter(({ layer }) => layer.component === component);
    return own.length === 0 ? [] : [{ component, own, config: configOf(model, component, own) }];
  });
  switch (format) {
    case 'diffusers': {
      const path = join(folder, fileName ?? DIFFUSERS_FILE);
      const settings = components.flatMap(({ component, config }) =>
        Object.entries(config).map(([key, value]) => [`${component}.${key}`, value] as const),
      );
      const adapterMetadata = JSON.stringify(Object.fromEntries(settings), undefined, 2);
      await writeSafetensors(path, sources(adapters), {
        ...metadata,
        lora_adapter_metadata: adapterMetadata,
      });
      return [path];
    }
    case 'kohya': {
      const path = join(folder, fileName ?? KOHYA_FILE);
      const known = splitKohya(metadata);
      const training = { ...trainingMetadata(adapters, model, known.run), ...known.training };
      await writeKohyaFile(path, sources(adapters), training, (dataHash) => ({
        ...known.rest,
        ...modelSpec(model, known.run, dataHash),
        ...known.specification,
        'modelspec.hash_sha256': `0x${dataHash}`,
      }));
      return [path];
    }
    case 'peft': {
      const files: string[] = [];
      for (const { component, own, config } of components) {
        const place = join(folder, component);
        await mkdir(place, { recursive: true });
        const [weights, settings] = [join(place, PEFT_FILE), join(place, 'adapter_config.json')];
        await writeSafetensors(weights, sources(own), metadata);
        await writeFileWhole(settings, `${JSON.stringify(config, undefined, 2)}\n`);
        files.push(weights, settings);
      }
      return files;
    }
  }
}

const configOf = (
  model: DiffusionModel,
  component: ComponentName,
  own: readonly WrittenAdapter[],
): Record<string, unknown> =>
  peftConfig(
    own,
    adaptableLayers(model).filter((layer) => layer.component === component),
  );
