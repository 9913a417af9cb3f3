// Writes a model: a folder that diffusers loads, or one file in the layout of the original release. Trained weights come
// from the engine process, everything else from the files the model was opened from.
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ModelExportOptions, Parameters, RecommendedSettings, WeightsSource } from '@likeness/core';
import { readSafetensorsHeader, WeightsError } from '@likeness/engine';
import { modelJsonText } from './modelJson.ts';
import { settingsText, SETTINGS_FILE } from './modelSettings.ts';
import type { Networks } from './networks.ts';
import {
  componentsOf,
  floatDtype,
  planDiffusersFolder,
  singleFileNotes,
  writeLdmFile,
  writePlannedFiles,
  type ComponentFiles,
  type ComponentName,
  type ModelFiles,
  type WeightsDtype,
} from './weights/index.ts';

/** What of a model is written, and where its parts come from. */
export interface ModelToExport {
  readonly files: ModelFiles;
  readonly networks: Networks;
  readonly recommended: RecommendedSettings;
  /** Components whose variables differ from the files. */
  readonly changed: readonly ComponentName[];
  readonly weights: WeightsSource;
}

const DTYPES: Readonly<Record<ModelExportOptions['dtype'], WeightsDtype | undefined>> = {
  asIs: undefined,
  fp32: 'F32',
  fp16: 'F16',
  bf16: 'BF16',
};

/**
 * Writes a diffusers folder. All weights get one dtype (but for `asIs`), since diffusers loads a text encoder as it lies and then fails on
 * a UNet of another dtype; files that have it already and did not change are copied byte for byte.
 * @returns the files written, relative to the folder
 */
export async function exportDiffusersFolder(
  { files, networks, recommended, changed, weights }: ModelToExport,
  folder: string,
  { dtype, metadata, scalingFactor }: Omit<ModelExportOptions, 'format'>,
): Promise<string[]> {
  const plan = await planDiffusersFolder(files, { changed, dtype: DTYPES[dtype], metadata });
  const written = await writePlannedFiles(plan, folder);
  for (const { component, path, tensors, metadata: header } of plan.saves) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    const parameters = parametersOf(networks, component);
    await weights.save(join(folder, path), variablesToSave(parameters, tensors), header);
    written.push(path);
  }
  if (scalingFactor !== undefined) {
    const config = { ...(files.components.vae.config as object), scaling_factor: scalingFactor };
    await writeFile(join(folder, 'vae/config.json'), modelJsonText(config));
  }
  if (Object.keys(recommended).length > 0) {
    const temporary = join(folder, `${SETTINGS_FILE}.${process.pid}.tmp`);
    await writeFile(temporary, settingsText(recommended));
    await rename(temporary, join(folder, SETTINGS_FILE));
    written.push(SETTINGS_FILE);
  }
  return written;
}

/**
 * Writes one LDM file. Trained weights go through a temporary file beside it, so that a model is never whole in memory.
 * @param path the file, or the folder to write `model.safetensors` into
 * @returns the file's name
 */
export async function exportLdmFile(
  { files, networks, recommended, changed, weights }: ModelToExport,
  path: string,
  { dtype, metadata }: Omit<ModelExportOptions, 'format'>,
): Promise<string[]> {
  const file = /\.safetensors$/i.test(path) ? path : join(path, 'model.safetensors');
  await mkdir(dirname(file), { recursive: true });
  const scratch = await mkdtemp(`${file}.parts-`);
  try {
    const replaced = new Map<ComponentName, ComponentFiles>();
    for (const component of componentsOf(files)) {
      if (!changed.includes(component.name)) continue;
      const part = join(scratch, `${component.name}.safetensors`);
      const parameters = parametersOf(networks, component.name);
      const tensors = [...component.tensors.values()].map((entry) => ({
        key: entry.name,
        dtype: DTYPES[dtype] ?? floatDtype(entry),
      }));
      await weights.save(part, variablesToSave(parameters, tensors), {});
      replaced.set(component.name, { ...component, tensors: (await readSafetensorsHeader(part)).tensors });
    }
    const { unet, vae, textEncoder } = files.components;
    const components = {
      unet: replaced.get('unet') ?? unet,
      vae: replaced.get('vae') ?? vae,
      textEncoder: replaced.get('text_encoder') ?? textEncoder,
    };
    const wanted = DTYPES[dtype];
    const notes = singleFileNotes(files, recommended);
    await writeLdmFile(file, components, {
      dtype: wanted ?? 'asIs',
      metadata: { ...metadata, ...notes.metadata },
      markers: notes.markers,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return [basename(file)];
}

interface SavedTensor {
  readonly variable: string;
  readonly key: string;
  readonly dtype: WeightsDtype;
  readonly layout: 'asIs' | 'oihw';
}

function variablesToSave(
  parameters: Parameters,
  tensors: readonly { readonly key: string; readonly dtype: WeightsDtype }[],
): SavedTensor[] {
  return tensors.map(({ key, dtype }) => {
    const parameter = parameters.entries().get(key);
    if (parameter === undefined)
      throw new WeightsError('the network has no such weight', {
        code: 'model/weights-do-not-fit',
        where: key,
      });
    return { variable: parameters.variableName(key), key, dtype, layout: parameter.layout };
  });
}

function parametersOf({ unet, vae, textEncoder }: Networks, component: ComponentName): Parameters {
  return { unet, vae, text_encoder: textEncoder }[component].parameters;
}
