// Opens a diffusers folder: configs parsed, headers of all weights read and checked, values left on disk.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  asFileError,
  DataError,
  LikenessError,
  readSafetensorsHeader,
  WeightsError,
  type TensorEntry,
} from '@likeness/engine';
import { z } from 'zod';
import { readModelJson } from '../modelJson.ts';
import { normalizeEntries } from './checkpointKeys.ts';
import { fileNames, type ComponentFiles, type ComponentName, type ModelFiles } from './modelFiles.ts';
import { checkPredictionType } from './predictionType.ts';
import { chooseWeightFiles, pickleFiles, weightFileName } from './weightFiles.ts';

const indexFile = z.object({ weight_map: z.record(z.string(), z.string()) });
const modelIndex = z.looseObject({ _class_name: z.string() });

export interface DiffusersFolderOptions {
  /** What the user named, when it is not the folder itself. */
  readonly source?: string;
  /** Which files to prefer when there are several, such as `fp16`. */
  readonly variant?: string | undefined;
  /** What the network predicts, whatever the scheduler's config says. */
  readonly predictionType?: string | undefined;
}

/** @throws WeightsError with everything that is missing or damaged, for all components together */
export async function openDiffusersFolder(
  folder: string,
  { source = folder, variant, predictionType }: DiffusersFolderOptions = {},
): Promise<ModelFiles> {
  const indexPath = join(folder, 'model_index.json');
  const index = modelIndex.safeParse(await readModelJson(indexPath));
  if (!index.success) {
    throw new DataError('it does not say which pipeline the model is for', {
      code: 'json/damaged',
      where: indexPath,
      expected: '"_class_name": "StableDiffusionPipeline"',
      got: index.error.issues.map(({ message }) => message).join(', '),
      hint: 'Download or export the model again.',
    });
  }
  const className = index.data._class_name;
  if (!/^StableDiffusion(Img2Img|Inpaint)?Pipeline$/.test(className)) {
    throw new WeightsError('this kind of model is not supported', {
      code: 'model/other-architecture',
      where: folder,
      expected: 'a StableDiffusionPipeline (Stable Diffusion 1.x or 2.x)',
      got: className,
      hint: 'Choose a model whose model_index.json says StableDiffusionPipeline.',
    });
  }
  const type = predictionType === undefined ? undefined : checkPredictionType(predictionType);
  const problems: LikenessError[] = [];
  const attempt = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof LikenessError)) throw error;
      problems.push(error);
      return undefined;
    }
  };
  const unet = await attempt(openComponent(folder, 'unet', variant));
  const vae = await attempt(openComponent(folder, 'vae', variant));
  const textEncoder = await attempt(openComponent(folder, 'text_encoder', variant));
  const schedulerFile = join(folder, 'scheduler', 'scheduler_config.json');
  const scheduler = await attempt(readModelJson(schedulerFile));
  const tokenizerFolder = join(folder, 'tokenizer');
  const tokenizerNames = (await attempt(listFolder(tokenizerFolder))) && (await fileNames(tokenizerFolder));
  if (!unet || !vae || !textEncoder || !tokenizerNames || problems.length > 0)
    throw notAModel(folder, problems);
  return {
    source,
    format: 'diffusers',
    folder,
    components: { unet, vae, textEncoder },
    ...(type === undefined || scheduler?.['prediction_type'] === type
      ? { scheduler, schedulerFile }
      : { scheduler: { ...scheduler, prediction_type: type }, schedulerFile: undefined }),
    warnings: [],
    tokenizer: {
      where: tokenizerFolder,
      files: tokenizerNames.map((name) => join(tokenizerFolder, name)),
    },
    modelIndex: index.data,
  };
}

async function openComponent(folder: string, name: ComponentName, variant?: string): Promise<ComponentFiles> {
  const place = join(folder, name);
  const names = await listFolder(place);
  const configFile = join(place, 'config.json');
  const config = await readModelJson(configFile);
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
  const parsed = indexFile.safeParse(await readModelJson(path));
  if (!parsed.success)
    throw new WeightsError('not an index of shards', {
      code: 'model/damaged-index',
      where: path,
      expected: 'a weight_map',
    });
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
    code: 'model/damaged-index',
    where: path,
    details,
    hint: 'Download all shards and the index again.',
  });
}

function noSafetensors(place: string, name: ComponentName, names: readonly string[]): WeightsError {
  const pickles = pickleFiles(names);
  return pickles.length === 0
    ? new WeightsError('the weights are missing', {
        code: 'model/incomplete',
        where: place,
        expected: weightFileName(name),
        got: names.join(', ') || 'an empty folder',
        hint: 'Download or export the model again.',
      })
    : new WeightsError('only pickled weights, which can run code of whoever made them', {
        code: 'model/pickled',
        where: place,
        expected: weightFileName(name),
        got: pickles.join(', '),
        hint: 'Take a revision with .safetensors, or convert: load with diffusers, then save_pretrained(folder, safe_serialization=True).',
      });
}

/** A single problem speaks for itself. */
function notAModel(folder: string, problems: readonly LikenessError[]): LikenessError {
  const [first] = problems;
  if (first !== undefined && problems.length === 1) return first;
  return new WeightsError('not a usable diffusers folder', {
    code: 'model/incomplete',
    where: folder,
    details: problems.map(({ message }) => message),
    hint: 'Download or export the model again, with unet, vae, text_encoder, tokenizer and scheduler.',
  });
}

async function listFolder(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw asFileError(error, path);
    throw new WeightsError('the folder is missing', {
      code: 'model/incomplete',
      where: path,
      hint: 'Download or export the model again.',
      cause: error,
    });
  }
}
