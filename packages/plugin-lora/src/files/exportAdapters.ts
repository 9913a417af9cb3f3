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
import { adaptableLayers, type ComponentName } from '../layers.ts';
import type { LoraFormat } from '../options.ts';
import type { HeldAdapter } from '../held.ts';
import { inFileOrder, spelledOut, type WeightsDtype, type WrittenAdapter } from './dialects.ts';
import { modelSpec, trainingMetadata, type RunSettings } from './kohyaMetadata.ts';
import { peftConfig } from './peftConfig.ts';
import { writeKohyaFile } from './writeKohyaFile.ts';

/** @returns the files written */
export async function exportAdapters(
  adapters: readonly HeldAdapter[],
  { format }: { readonly format: LoraFormat },
  target: ExportTarget,
): Promise<string[]> {
  const names = adapters.flatMap(({ parts }) => parts.map(({ variableName }) => variableName));
  const values = await trainedValues(
    target,
    names.map((name) => ({ key: name, variable: name })),
  );
  const written = adapters.map(({ method, layer, rank, scale, parts }): WrittenAdapter => {
    const all = parts.map(({ name, shape, variableName }) => ({
      name,
      shape,
      values: values.get(variableName) ?? new Float32Array(),
    }));
    const magnitude = all.find(({ name }) => name === MAGNITUDE)?.values;
    const own = all
      .filter(({ name }) => name !== MAGNITUDE)
      .map(({ name, ...part }) => [name, part] as const);
    return {
      method,
      layer,
      rank,
      scale,
      parts: Object.fromEntries(own),
      ...(magnitude ? { magnitude } : {}),
    };
  });
  const { folder, model, options } = target;
  return writeAdapters(folder, written, { model, format, dtype: options.dtype, metadata: options.metadata });
}

export interface WriteOptions {
  readonly model: DiffusionModel;
  readonly format: LoraFormat;
  readonly dtype: WeightsDtype;
  /** Of the run, with its settings as JSON under `likeness`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes adapters into a folder. @returns the files written */
export async function writeAdapters(
  folder: string,
  adapters: readonly WrittenAdapter[],
  { model, format, dtype, metadata }: WriteOptions,
): Promise<string[]> {
  const sources = (some: readonly WrittenAdapter[]): TensorSource[] =>
    inFileOrder(
      some.flatMap((adapter) => spelledOut(adapter, format)),
      dtype,
    );
  const components = (['unet', 'text_encoder'] as const).flatMap((component) => {
    const own = adapters.filter(({ layer }) => layer.component === component);
    return own.length === 0 ? [] : [{ component, own, config: configOf(model, component, own) }];
  });
  switch (format) {
    case 'diffusers': {
      const path = join(folder, 'pytorch_lora_weights.safetensors');
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
      const path = join(folder, 'lora.safetensors');
      const run = runSettings(metadata);
      await writeKohyaFile(path, sources(adapters), trainingMetadata(adapters, model, run), (dataHash) => ({
        ...metadata,
        ...modelSpec(model, run, dataHash),
      }));
      return [path];
    }
    case 'peft': {
      const files: string[] = [];
      for (const { component, own, config } of components) {
        const place = join(folder, component);
        await mkdir(place, { recursive: true });
        const [weights, settings] = [
          join(place, 'adapter_model.safetensors'),
          join(place, 'adapter_config.json'),
        ];
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

function runSettings({ likeness }: Readonly<Record<string, string>>): RunSettings {
  return likeness === undefined ? {} : (JSON.parse(likeness) as RunSettings);
}
