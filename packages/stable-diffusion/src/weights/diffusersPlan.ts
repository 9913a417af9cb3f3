// Writing a model as a diffusers folder: everything that is not a trained weight is copied or written here, the trained
// weights are written by the engine process, which has them.

import { constants } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  readTensor,
  readTensorRaw,
  WeightsError,
  writeSafetensors,
  type TensorEntry,
} from '@likeness/engine';
import { modelJsonText } from '../modelJson.ts';
import {
  asFloat32,
  commonDtype,
  isCounting,
  isFolderName,
  planConfig,
  planFurther,
  planWeights,
  type DiffusersFolderPlan,
  type OpenPlan,
  type WeightsDtype,
} from './componentPlan.ts';
import { componentsOf, type ComponentFiles, type ComponentName, type ModelFiles } from './modelFiles.ts';
import { weightFileName } from './weightFiles.ts';

export interface DiffusersPlanOptions {
  /** Components whose weights were trained. */
  readonly changed: readonly ComponentName[];
  /** Of all weights; without it the one they have, or float32 where they have several. */
  readonly dtype?: WeightsDtype | undefined;
  /** Into the header of every changed file. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * Lists what a diffusers folder of this model consists of and where each part comes from. The folder opens with
 * `from_pretrained(folder)` and draws: weights have their plain names and all one dtype, and no config asks for another
 * than the rest loads with.
 */
export async function planDiffusersFolder(
  model: ModelFiles,
  { changed, dtype, metadata = {} }: DiffusersPlanOptions,
): Promise<DiffusersFolderPlan> {
  const plan: OpenPlan = { copies: [], texts: [], converted: [], saves: [] };
  const target = dtype ?? commonDtype(model);
  for (const component of componentsOf(model)) {
    const { name, configFile, config } = component;
    if (configFile === undefined)
      plan.texts.push({ path: `${name}/config.json`, text: asFloat32(modelJsonText(config), target) });
    else await planConfig(plan, configFile, `${name}/config.json`, target);
    const entries = inFileOrder(component);
    const path = `${name}/${weightFileName(name)}`;
    if (changed.includes(name)) {
      const tensors = entries.map(({ name: key, shape }) => ({ key, shape, dtype: target }));
      plan.saves.push({ component: name, path, tensors, metadata: { format: 'pt', ...metadata } });
    } else planWeights(plan, component.weightFiles, entries, path, target);
  }

  if (model.schedulerFile === undefined)
    plan.texts.push({ path: SCHEDULER, text: modelJsonText(model.scheduler) });
  else plan.copies.push({ from: model.schedulerFile, to: SCHEDULER });
  plan.copies.push(...model.tokenizer.files.map((from) => ({ from, to: `tokenizer/${basename(from)}` })));
  if (model.tokenizer.settings !== undefined) plan.texts.push(...tokenizerTexts(model.tokenizer.settings));
  await planIndex(model, plan, target);
  return plan;
}

const SCHEDULER = 'scheduler/scheduler_config.json';

/**
 * Writes everything of a plan but `saves`; each file appears complete or not at all.
 * @returns the paths written, relative to the folder
 * @throws WeightsError when the folder is the one the model is read from
 */
export async function writePlannedFiles(plan: DiffusersFolderPlan, folder: string): Promise<string[]> {
  const target = resolve(folder);
  const written = [...plan.copies.map(({ to }) => to), ...plan.converted.map(({ path }) => path)];
  const read = new Set([
    ...plan.copies.map(({ from }) => resolve(from)),
    ...plan.converted.flatMap(({ entries }) => entries.map(({ file }) => resolve(file))),
  ]);
  if (written.some((path) => read.has(join(target, path)))) {
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
      dtype: isCounting(entry) ? entry.dtype : dtype,
      shape: entry.shape,
      data: () => (isCounting(entry) || dtype === entry.dtype ? readTensorRaw(entry) : readTensor(entry)),
    }));
    await writeSafetensors(join(target, path), tensors, { format: 'pt' });
  }
  return [...written, ...plan.texts.map(({ path }) => path)];
}

/** model_index.json as it was, with the further components it names (feature extractor, safety checker) where they are at hand. */
async function planIndex(
  { folder, modelIndex }: ModelFiles,
  plan: OpenPlan,
  dtype: WeightsDtype,
): Promise<void> {
  const known = new Set(['unet', 'vae', 'text_encoder', 'tokenizer', 'scheduler']);
  const index = { ...(modelIndex as Record<string, unknown>) };
  let complete = folder !== undefined;
  for (const [name, value] of Object.entries(index)) {
    const isComponent = Array.isArray(value) && value.length === 2 && value[0] !== null;
    if (!isComponent || known.has(name)) continue;
    if (folder !== undefined && isFolderName(name) && (await planFurther(plan, folder, name, dtype)))
      continue;
    // the Hub's copy of a safety checker is not downloaded; diffusers fails on a name without a folder
    index[name] = [null, null];
    if (name === 'safety_checker') index['requires_safety_checker'] = false;
    complete = false;
  }
  if (complete && folder !== undefined)
    plan.copies.push({ from: join(folder, 'model_index.json'), to: 'model_index.json' });
  else plan.texts.push({ path: 'model_index.json', text: modelJsonText(index) });
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
    { path: 'tokenizer/tokenizer_config.json', text: modelJsonText(config) },
    { path: 'tokenizer/special_tokens_map.json', text: modelJsonText(tokens) },
  ];
}

/** Files as they follow each other on disk, so that a model saved unchanged has the bytes it had. */
function inFileOrder({ tensors }: ComponentFiles): TensorEntry[] {
  return [...tensors.values()].sort((a, b) =>
    a.file === b.file ? a.offset - b.offset : a.file < b.file ? -1 : 1,
  );
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
