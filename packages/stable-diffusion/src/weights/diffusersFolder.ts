// Opens a diffusers folder: configs parsed, headers of all weights read and checked, values left on disk.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, WeightsError, type TensorEntry } from '@likeness/engine';
import { z } from 'zod';
import { normalizeEntries } from './checkpointKeys.ts';
import type { ComponentFiles, ComponentName, ModelFiles } from './modelFiles.ts';
import { chooseWeightFiles, pickleFiles, weightFileName } from './weightFiles.ts';

const indexFile = z.object({ weight_map: z.record(z.string(), z.string()) });
const modelIndex = z.looseObject({ _class_name: z.string() });

export interface DiffusersFolderOptions {
  /** What the user named, when it is not the folder itself. */
  readonly source?: string;
  /** Which files to prefer when there are several, such as `fp16`. */
  readonly variant?: string | undefined;
}

/** @throws WeightsError with everything that is missing or damaged, for all components together */
export async function openDiffusersFolder(
  folder: string,
  { source = folder, variant }: DiffusersFolderOptions = {},
): Promise<ModelFiles> {
  const index = modelIndex.safeParse(await readJson(join(folder, 'model_index.json')));
  if (!index.success) throw notAModel(folder, ['model_index.json has no _class_name']);
  const className = index.data._class_name;
  if (!/^StableDiffusion(Img2Img|Inpaint)?Pipeline$/.test(className)) {
    throw new WeightsError('this kind of model is not supported', {
      where: folder,
      expected: 'a StableDiffusionPipeline (Stable Diffusion 1.x or 2.x)',
      got: className,
      hint: 'Choose a model whose model_index.json says StableDiffusionPipeline.',
    });
  }
  const problems: string[] = [];
  const attempt = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof WeightsError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const unet = await attempt(openComponent(folder, 'unet', variant));
  const vae = await attempt(openComponent(folder, 'vae', variant));
  const textEncoder = await attempt(openComponent(folder, 'text_encoder', variant));
  const schedulerFile = join(folder, 'scheduler', 'scheduler_config.json');
  const scheduler = await attempt(readJson(schedulerFile));
  const tokenizerFolder = join(folder, 'tokenizer');
  const tokenizerNames = await attempt(listFolder(tokenizerFolder));
  if (!unet || !vae || !textEncoder || !tokenizerNames || problems.length > 0)
    throw notAModel(folder, problems);
  return {
    source,
    format: 'diffusers',
    folder,
    components: { unet, vae, textEncoder },
    scheduler,
    schedulerFile,
    tokenizer: { files: tokenizerNames.map((name) => join(tokenizerFolder, name)) },
    modelIndex: index.data,
  };
}

async function openComponent(folder: string, name: ComponentName, variant?: string): Promise<ComponentFiles> {
  const place = join(folder, name);
  const names = await listFolder(place);
  const configFile = join(place, 'config.json');
  const config = await readJson(configFile);
  const choice = chooseWeightFiles(name, names, variant);
  if (choice === undefined) throw noSafetensors(place, name, names);

  const entries: TensorEntry[] = [];
  for (const file of choice.files) {
    const { tensors } = await readSafetensorsHeader(join(place, file));
    entries.push(...tensors.values());
  }
  if (choice.index !== undefined) await checkIndex(join(place, choice.index), entries);
  // keys differ in old spellings only, so two that become one would be a damaged export
  const tensors = normalizeEntries(name, entries);
  const weightFiles = [...choice.files, ...(choice.index === undefined ? [] : [choice.index])];
  return { name, config, configFile, tensors, weightFiles: weightFiles.map((file) => join(place, file)) };
}

/** The index and the shards must tell the same story. */
async function checkIndex(path: string, entries: readonly TensorEntry[]): Promise<void> {
  const parsed = indexFile.safeParse(await readJson(path));
  if (!parsed.success)
    throw new WeightsError('not an index of shards', { where: path, expected: 'a weight_map' });
  const map = new Map(Object.entries(parsed.data.weight_map));
  const found = new Map(entries.map((entry) => [entry.name, entry.file]));
  const details = [
    ...[...map]
      .filter(([key]) => !found.has(key))
      .map(([key, file]) => `${key} is in no shard (should be in ${file})`),
    ...[...map].flatMap(([key, file]) => {
      const actual = found.get(key);
      return actual !== undefined && !actual.endsWith(`/${file}`)
        ? [`${key} is in ${actual}, not in ${file}`]
        : [];
    }),
    ...entries
      .filter(({ name }) => !map.has(name))
      .map(({ name, file }) => `${name} of ${file} is not in the index`),
  ];
  if (details.length === 0 && found.size === entries.length) return;
  throw new WeightsError('the index and the shards beside it disagree', {
    where: path,
    details,
    hint: 'Download all shards and the index again.',
  });
}

function noSafetensors(place: string, name: ComponentName, names: readonly string[]): WeightsError {
  const pickles = pickleFiles(names);
  return pickles.length === 0
    ? new WeightsError('the weights are missing', {
        where: place,
        expected: weightFileName(name),
        got: names.join(', ') || 'an empty folder',
      })
    : new WeightsError('only pickled weights, which can run code of whoever made them', {
        where: place,
        expected: weightFileName(name),
        got: pickles.join(', '),
        hint: 'Take a revision with .safetensors, or convert: load with diffusers, then save_pretrained(folder, safe_serialization=True).',
      });
}

function notAModel(folder: string, details: readonly string[]): WeightsError {
  return new WeightsError('not a usable diffusers folder', {
    where: folder,
    details,
    hint: 'Download or export the model again, with unet, vae, text_encoder, tokenizer and scheduler.',
  });
}

async function listFolder(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (cause) {
    throw new WeightsError('the folder is missing', { where: path, cause });
  }
}

/** @throws WeightsError when the file is missing or not JSON */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const what = cause instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read';
    throw new WeightsError(what, { where: path, got: String(cause), cause });
  }
}
