// What comes along: plugins, the bundled model, its subjects. Every command takes them from here.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readSafetensorsHeader,
  type DiffusionModel,
  type ExampleSubject,
  type ModelDefinition,
  type ModelSource,
  type PluginFactory,
} from '@likeness/core';
import * as doodle from '@likeness/doodle';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { createModel, identifyModel, loadModel, readRecommendedSettings } from '@likeness/stable-diffusion';

export const builtIns: readonly PluginFactory[] = [dreambooth, ppl];

/** Settings the model that comes along is made with: a file for `pipeline pretrain`. */
export const doodlePretraining: string = doodle.pretrainConfig;

/** Name of the model that comes along. */
export const BUNDLED_MODEL = 'doodle';

export const exampleSubjects: Readonly<Record<string, ExampleSubject>> = doodle.subjects;
export const defaultSubject: string = doodle.defaultSubject;

export interface OpenModelOptions {
  /** Told while files of the Hub are fetched. */
  readonly onProgress?: (doneBytes: number, totalBytes: number, message: string) => void;
}

/**
 * Opens a model by whatever name a person has for it: `doodle`, a diffusers folder, a single file or a folder with
 * nothing else in it, a Hub id.
 * @throws WeightsError when it is none of these
 */
export async function openModel(
  name: string,
  { onProgress }: OpenModelOptions = {},
): Promise<DiffusionModel> {
  // The bundled model is called by its name in records and model cards, not by where it lies on this machine.
  if (name === BUNDLED_MODEL) return { ...(await loadModel(doodle.modelDir)), source: name };
  const source = (await onlyFileIn(name)) ?? name;
  const base = source.endsWith('.safetensors') ? await baseFolderOf(source) : undefined;
  const model = await loadModel(source, {
    // A single file holds neither configs nor tokenizer: those of the model it was made from, or at least CLIP's.
    ...(base === undefined
      ? { tokenizerFolder: join(doodle.modelDir, 'tokenizer') }
      : { configFolder: base }),
    ...(onProgress === undefined
      ? {}
      : {
          onProgress: ({ file, doneBytes, totalBytes }) => {
            onProgress(doneBytes, totalBytes, `fetching ${file}`);
          },
        }),
  });
  return base === undefined ? model : { ...model, recommended: await readRecommendedSettings(base) };
}

/** Where pretraining takes its models from. A definition without a tokenizer gets CLIP's, which comes along. */
export const modelSource: ModelSource = {
  open: (name) => openModel(name),
  identify: (definition) => identifyModel(withBundled(definition)),
  create: (definition, folder) => createModel(withBundled(definition), folder),
};

function withBundled(definition: ModelDefinition): ModelDefinition {
  const from = definition.from === BUNDLED_MODEL ? doodle.modelDir : definition.from;
  const hasTokenizer = from !== undefined && !(existsSync(from) && !existsSync(join(from, 'tokenizer')));
  return {
    ...definition,
    ...(from === undefined ? {} : { from }),
    ...(hasTokenizer || definition.tokenizer !== undefined
      ? {}
      : { tokenizer: join(doodle.modelDir, 'tokenizer') }),
  };
}

/** The folder of the model that a single file of ours was made from, where it is at hand. */
async function baseFolderOf(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  const { metadata } = await readSafetensorsHeader(file);
  const { pretrainedModel } = JSON.parse(metadata['likeness'] ?? '{}') as { pretrainedModel?: string };
  const base = pretrainedModel === BUNDLED_MODEL ? doodle.modelDir : pretrainedModel;
  return base !== undefined && existsSync(join(base, 'model_index.json')) ? base : undefined;
}

/** The weights file of a folder that is no diffusers folder and holds one: an export in the single-file format. */
async function onlyFileIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  const [file, ...others] = names.filter((name) => name.endsWith('.safetensors'));
  const isModelFolder = names.includes('model_index.json') || others.length > 0;
  return file === undefined || isModelFolder ? undefined : join(folder, file);
}
