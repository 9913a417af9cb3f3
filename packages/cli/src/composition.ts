// What comes along: plugins, the bundled model, its subjects. Every command takes them from here.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readSafetensorsHeader,
  type DiffusionModel,
  type EncoderDefinition,
  type EncoderSource,
  type ExampleSubject,
  type ModelDefinition,
  type ModelSource,
  type PluginFactory,
  type PromptSet,
} from '@likeness/core';
import * as doodle from '@likeness/doodle';
import { createEncoder, identifyEncoder, loadImageEncoder, type JudgeRole } from '@likeness/evaluation';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { attachAdapters, lora, pretrainedModelOf } from '@likeness/plugin-lora';
import { attachEmbedding, attachVectors, textualInversion } from '@likeness/plugin-textual-inversion';
import { createModel, identifyModel, loadModel, readRecommendedSettings } from '@likeness/stable-diffusion';

export const builtIns: readonly PluginFactory[] = [dreambooth, ppl, lora, textualInversion];

/** How files are laid over a model, by whoever reads them. */
export { attachAdapters, attachEmbedding, attachVectors };

/** How keys of the UNet begin in single-file models. */
const SINGLE_FILE_KEYS = 'model.diffusion_model.';

/** Settings the model that comes along is made with: a file for `pipeline pretrain`. */
export const doodlePretraining: string = doodle.pretrainConfig;
/** Settings it is trained further with. */
export const doodleFurther: string = doodle.furtherConfig;
/** Settings its judges are made with. */
export const doodleJudging: string = doodle.judgesConfig;

/** Name of the model that comes along. */
export const BUNDLED_MODEL = 'doodle';

/** Two ways of drawing, learned as subjects are. */
export const exampleStyles: Readonly<Record<string, ExampleSubject>> = doodle.styles;
export const exampleSubjects: Readonly<Record<string, ExampleSubject>> = {
  ...doodle.subjects,
  ...exampleStyles,
};
export const defaultSubject: string = doodle.defaultSubject;

/** The words the bundled model knows, and evaluation prompts made of them. */
export const bundledVocabulary: doodle.Vocabulary = doodle.vocabulary;
export const bundledPrompts: PromptSet = doodle.evaluationPrompts;

/** Five more pictures of each example subject, for measuring. */
export const furtherDir: (subject: string) => string = doodle.furtherDir;

/** Folders of the judges that come along, by role; empty where there are none. They know the bundled model's pictures. */
export const bundledJudges: Readonly<Partial<Record<JudgeRole, string>>> = Object.fromEntries(
  Object.entries(doodle.judgeDirs).filter(([, folder]) => existsSync(join(folder, 'config.json'))),
);

/** How the tokenizer of the bundled model is found, for a CLIP whose folder has none. */
export const bundledTokenizer: string = join(doodle.modelDir, 'tokenizer');

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
  const source = (await modelIn(name)) ?? name;
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

/** Where pretraining takes encoders from. A text tower without a tokenizer gets CLIP's. */
export const encoderSource: EncoderSource = {
  open: (folder) => loadImageEncoder(folder),
  identify: (definition) => identifyEncoder(withTokenizer(definition)),
  create: (definition, folder) => createEncoder(withTokenizer(definition), folder),
};

const withTokenizer = (definition: EncoderDefinition): EncoderDefinition => ({
  tokenizer: join(doodle.modelDir, 'tokenizer'),
  ...definition,
});

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
  const pretrainedModel = pretrainedModelOf(metadata);
  const base = pretrainedModel === BUNDLED_MODEL ? doodle.modelDir : pretrainedModel;
  return base !== undefined && existsSync(join(base, 'model_index.json')) ? base : undefined;
}

/**
 * What `openModel` takes to open a folder as a model: the folder itself, or the single-file model in it. Undefined when
 * there is none: the folder holds adapters, say.
 */
export async function modelIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  if (names.includes('model_index.json')) return folder;
  for (const name of names.filter((file) => file.endsWith('.safetensors'))) {
    const { tensors } = await readSafetensorsHeader(join(folder, name));
    if ([...tensors.keys()].some((key) => key.startsWith(SINGLE_FILE_KEYS))) return join(folder, name);
  }
  return undefined;
}
