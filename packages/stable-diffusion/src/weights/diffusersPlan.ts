// Writing a model as a diffusers folder: everything that is not a trained weight is copied or written here, the trained
// weights are written by the engine process, which has them.

import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  readTensor,
  readTensorRaw,
  WeightsError,
  writeSafetensors,
  type TensorEntry,
} from '@likeness/engine';
import { componentsOf, type ComponentFiles, type ComponentName, type ModelFiles } from './modelFiles.ts';
import { weightFileName } from './weightFiles.ts';

export type WeightsDtype = 'F32' | 'F16' | 'BF16';

/** Weights the engine has to write. */
export interface ComponentToSave {
  readonly component: ComponentName;
  /** Relative to the folder. */
  readonly path: string;
  /** In the order of the file this model came from. */
  readonly tensors: readonly {
    readonly key: string;
    readonly shape: readonly number[];
    readonly dtype: WeightsDtype;
  }[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface DiffusersFolderPlan {
  /** Files taken over byte for byte. */
  readonly copies: readonly { readonly from: string; readonly to: string }[];
  /** Files written from text. */
  readonly texts: readonly { readonly path: string; readonly text: string }[];
  /** Unchanged weights that need another dtype or come out of an LDM file. */
  readonly converted: readonly {
    readonly path: string;
    readonly entries: readonly TensorEntry[];
    readonly dtype: WeightsDtype | undefined;
  }[];
  readonly saves: readonly ComponentToSave[];
}

export interface DiffusersPlanOptions {
  /** Components whose weights were trained. */
  readonly changed: readonly ComponentName[];
  /** For all weights; without it every tensor keeps the dtype it has. */
  readonly dtype?: WeightsDtype | undefined;
  /** Into the header of every changed file. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Lists what a diffusers folder of this model consists of and where each part comes from. */
export async function planDiffusersFolder(
  model: ModelFiles,
  { changed, dtype, metadata = {} }: DiffusersPlanOptions,
): Promise<DiffusersFolderPlan> {
  const copies: { from: string; to: string }[] = [];
  const texts: { path: string; text: string }[] = [];
  const converted: { path: string; entries: TensorEntry[]; dtype: WeightsDtype | undefined }[] = [];
  const saves: ComponentToSave[] = [];

  for (const component of componentsOf(model)) {
    const { name, configFile, config } = component;
    if (configFile === undefined) texts.push({ path: `${name}/config.json`, text: toJson(config) });
    else copies.push({ from: configFile, to: `${name}/config.json` });
    const path = `${name}/${weightFileName(name)}`;
    const entries = inFileOrder(component);
    if (changed.includes(name)) {
      const tensors = entries.map((entry) => ({
        key: entry.name,
        shape: entry.shape,
        dtype: dtype ?? floatDtype(entry),
      }));
      saves.push({ component: name, path, tensors, metadata: { format: 'pt', ...metadata } });
    } else if (
      component.weightFiles.length > 0 &&
      entries.every((entry) => dtype === undefined || entry.dtype === dtype)
    ) {
      copies.push(...component.weightFiles.map((from) => ({ from, to: `${name}/${basename(from)}` })));
    } else {
      converted.push({ path, entries, dtype });
    }
  }

  if (model.schedulerFile === undefined) texts.push({ path: SCHEDULER, text: toJson(model.scheduler) });
  else copies.push({ from: model.schedulerFile, to: SCHEDULER });
  copies.push(...model.tokenizer.files.map((from) => ({ from, to: `tokenizer/${basename(from)}` })));
  if (model.tokenizer.settings !== undefined) texts.push(...tokenizerTexts(model.tokenizer.settings));
  await planIndex(model, copies, texts);
  return { copies, texts, converted, saves };
}

const SCHEDULER = 'scheduler/scheduler_config.json';

/**
 * Writes everything of a plan but `saves`; each file appears complete or not at all.
 * @returns the paths written, relative to the folder
 * @throws WeightsError when the folder is the one the model is read from
 */
export async function writePlannedFiles(plan: DiffusersFolderPlan, folder: string): Promise<string[]> {
  const target = resolve(folder);
  if (plan.copies.some(({ from, to }) => resolve(from) === join(target, to))) {
    throw new WeightsError('a model cannot be written over itself', {
      code: 'model/over-itself',
      where: folder,
      hint: 'Choose another folder.',
    });
  }
  for (const { from, to } of plan.copies) {
    await intoPlace(join(target, to), (path) => copyFile(from, path, constants.COPYFILE_FICLONE));
  }
  for (const { path, text } of plan.texts)
    await intoPlace(join(target, path), (file) => writeFile(file, text));
  for (const { path, entries, dtype } of plan.converted) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    const tensors = entries.map((entry) => ({
      name: entry.name,
      dtype: dtype ?? entry.dtype,
      shape: entry.shape,
      data: () => (dtype === undefined || dtype === entry.dtype ? readTensorRaw(entry) : readTensor(entry)),
    }));
    await writeSafetensors(join(target, path), tensors, { format: 'pt' });
  }
  return [
    ...plan.copies.map(({ to }) => to),
    ...plan.texts.map(({ path }) => path),
    ...plan.converted.map(({ path }) => path),
  ];
}

/** model_index.json as it was, with the further components it names (feature extractor, safety checker) where they are at hand. */
async function planIndex(
  model: ModelFiles,
  copies: { from: string; to: string }[],
  texts: { path: string; text: string }[],
): Promise<void> {
  const { folder, modelIndex } = model;
  const known = new Set(['unet', 'vae', 'text_encoder', 'tokenizer', 'scheduler']);
  const index = { ...(modelIndex as Record<string, unknown>) };
  let complete = folder !== undefined;
  for (const [name, value] of Object.entries(index)) {
    const isComponent = Array.isArray(value) && value.length === 2 && value[0] !== null;
    if (!isComponent || known.has(name)) continue;
    const files = folder === undefined ? [] : await listFiles(join(folder, name));
    copies.push(...files.map((from) => ({ from, to: `${name}/${basename(from)}` })));
    if (files.length > 0) continue;
    // the Hub's copy of a safety checker is not downloaded; diffusers fails on a name without a folder
    index[name] = [null, null];
    if (name === 'safety_checker') index['requires_safety_checker'] = false;
    complete = false;
  }
  if (complete && folder !== undefined)
    copies.push({ from: join(folder, 'model_index.json'), to: 'model_index.json' });
  else texts.push({ path: 'model_index.json', text: toJson(index) });
}

/** What transformers needs beside the vocabulary, for a model that came without. */
function tokenizerTexts({
  modelMaxLength,
  padToken,
}: {
  modelMaxLength: number;
  padToken: string;
}): { path: string; text: string }[] {
  const tokens = {
    bos_token: '<|startoftext|>',
    eos_token: '<|endoftext|>',
    pad_token: padToken,
    unk_token: '<|endoftext|>',
  };
  const config = { ...tokens, model_max_length: modelMaxLength, tokenizer_class: 'CLIPTokenizer' };
  return [
    { path: 'tokenizer/tokenizer_config.json', text: toJson(config) },
    { path: 'tokenizer/special_tokens_map.json', text: toJson(tokens) },
  ];
}

/** Files as they follow each other on disk, so that a model saved unchanged has the bytes it had. */
function inFileOrder({ tensors }: ComponentFiles): TensorEntry[] {
  return [...tensors.values()].sort((a, b) =>
    a.file === b.file ? a.offset - b.offset : a.file < b.file ? -1 : 1,
  );
}

/** @throws WeightsError when a tensor is no weight */
export function floatDtype({ name, dtype, file }: TensorEntry): WeightsDtype {
  if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16') return dtype;
  throw new WeightsError(`${name} does not hold floating-point weights`, {
    code: 'model/not-floating-point',
    where: file,
    got: dtype,
  });
}

async function listFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const paths = names.sort().map((name) => join(folder, name));
  const kinds = await Promise.all(paths.map((path) => stat(path)));
  return paths.filter((_, i) => kinds[i]?.isFile());
}

async function intoPlace(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
