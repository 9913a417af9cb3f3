// What comes along: plugins, the bundled model, its subjects. Every command takes them from here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DiffusionModel, ExampleSubject, PluginFactory } from '@likeness/core';
import * as doodle from '@likeness/doodle';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { loadModel } from '@likeness/stable-diffusion';

export const builtIns: readonly PluginFactory[] = [dreambooth, ppl];

/** Name of the model that comes along. */
export const BUNDLED_MODEL = 'doodle';

export const exampleSubjects: Readonly<Record<string, ExampleSubject>> = doodle.subjects;
export const defaultSubject: string = doodle.defaultSubject;

export interface OpenModelOptions {
  /** Told while files of the Hub are fetched. */
  readonly onProgress?: (doneBytes: number, totalBytes: number, message: string) => void;
  /** What a single file was made from: its configs and tokenizer go with it. */
  readonly baseModel?: string;
}

/**
 * Opens a model by whatever name a person has for it: `doodle`, a diffusers folder, a single file, a Hub id.
 * @throws WeightsError when it is none of these
 */
export async function openModel(source: string, options: OpenModelOptions = {}): Promise<DiffusionModel> {
  // The bundled model is called by its name in records and model cards, not by where it lies on this machine.
  if (source === BUNDLED_MODEL) return { ...(await loadModel(doodle.modelDir)), source };
  const { onProgress, baseModel } = options;
  const configFolder = baseModel === BUNDLED_MODEL ? doodle.modelDir : baseModel;
  return loadModel(source, {
    // A single file holds no tokenizer; all of them use CLIP's, which the bundled model has whole.
    ...(configFolder !== undefined && existsSync(configFolder)
      ? { configFolder }
      : { tokenizerFolder: join(doodle.modelDir, 'tokenizer') }),
    ...(onProgress === undefined
      ? {}
      : {
          onProgress: ({ file, doneBytes, totalBytes }) => {
            onProgress(doneBytes, totalBytes, `fetching ${file}`);
          },
        }),
  });
}
