// What comes along: plugins, the bundled model, its subjects. Every command takes them from here.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import {
  readSafetensorsHeader,
  WeightsError,
  type DiffusionModel,
  type EncoderDefinition,
  type EncoderSource,
  type ExampleSubject,
  type ModelDefinition,
  type ModelSource,
  type PluginFactory,
  type PromptSet,
  type Warning,
} from '@likeness/core';
import * as doodle from '@likeness/doodle';
import { createEncoder, identifyEncoder, loadImageEncoder, type JudgeRole } from '@likeness/evaluation';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { attachAdapters, lora, pretrainedModelOf } from '@likeness/plugin-lora';
import { attachEmbedding, attachVectors, textualInversion } from '@likeness/plugin-textual-inversion';
import { warningLine } from './progress/reporters.ts';
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
  /** What the network predicts, whatever the model's files say: epsilon, v_prediction or sample. */
  readonly predictionType?: string | undefined;
  /** Told what a person should know of how it was opened; by default a line on stderr. */
  readonly onWarning?: (warning: Warning) => void;
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
  { predictionType, onProgress, onWarning = warnOnStderr }: OpenModelOptions = {},
): Promise<DiffusionModel> {
  // The bundled model is called by its name in records and model cards, not by where it lies on this machine.
  if (name === BUNDLED_MODEL)
    return { ...(await loadModel(doodle.modelDir, { predictionType })), source: name };
  const source = (await modelIn(name)) ?? name;
  const base = isSingleFile(source) ? await baseFolderOf(source) : undefined;
  const model = await loadModel(source, {
    predictionType,
    // No single file holds a tokenizer, and only ours hold configs: CLIP's will do.
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
  model.warnings?.forEach(onWarning);
  return base === undefined ? model : { ...model, recommended: await readRecommendedSettings(base) };
}

const warnOnStderr = (warning: Warning): void => {
  process.stderr.write(`${warningLine(warning)}\n`);
};

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

const isSingleFile = (name: string): boolean => /\.safetensors$/i.test(name);

/**
 * The folder of the model that a single file of ours was made from: of one made before such files held their configs.
 * Only the bundled model and whole paths: what a relative path names depends on where the command runs.
 */
async function baseFolderOf(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  const { metadata } = await readSafetensorsHeader(file);
  if ('likeness_model' in metadata) return undefined;
  const base = pretrainedModelOf(metadata);
  if (base === BUNDLED_MODEL) return doodle.modelDir;
  return base !== undefined && isAbsolute(base) && existsSync(join(base, 'model_index.json'))
    ? base
    : undefined;
}

/**
 * What `openModel` takes to open a folder as a model: the folder itself, or the single-file model in it. Undefined when
 * there is none: the folder holds adapters, say.
 * @throws WeightsError when there are several: nobody can know which is meant
 */
export async function modelIn(folder: string): Promise<string | undefined> {
  const names = (await readdir(folder).catch((): string[] => [])).sort();
  if (names.includes('model_index.json')) return folder;
  const models: string[] = [];
  for (const name of names.filter(isSingleFile)) {
    const { tensors } = await readSafetensorsHeader(join(folder, name));
    if ([...tensors.keys()].some((key) => key.startsWith(SINGLE_FILE_KEYS))) models.push(name);
  }
  const [only] = models;
  if (only === undefined) return undefined;
  if (models.length === 1) return join(folder, only);
  throw new WeightsError('several single-file models are in this folder', {
    code: 'model/several',
    where: folder,
    expected: 'one',
    got: `${models.slice(0, 10).join(', ')}${models.length > 10 ? `, and ${models.length - 10} more` : ''}`,
    hint: `Name the file: ${join(folder, only)}`,
  });
}
