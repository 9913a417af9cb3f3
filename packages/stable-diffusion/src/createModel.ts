// Makes a model folder from what there is: config files, weights of some components, none of others. What it writes is
// a diffusers folder like any other, so that nobody who trains it needs to know it was never trained before.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createHash } from 'node:crypto';
import type { ModelDefinition } from '@likeness/core';
import { readSafetensorsHeader, readTensorRaw, WeightsError, writeSafetensors } from '@likeness/engine';
import type { TensorEntry } from '@likeness/engine';
import { parseClipTextConfig } from './clipConfig.ts';
import { modelJsonText, parseModelJson, readModelJsonIfPresent } from './modelJson.ts';
import { SETTINGS_FILE } from './modelSettings.ts';
import { createNetworks, type Networks } from './networks.ts';
import { randomWeights } from './randomWeights.ts';
import {
  chooseWeightFiles,
  fileNames,
  openModel,
  weightFileName,
  type ComponentName,
} from './weights/index.ts';

/** Counts up when the same definition comes to be written otherwise: what was made before is not taken then. */
const VERSION = 1;

const COMPONENTS: readonly ComponentName[] = ['unet', 'vae', 'text_encoder'];

/** What a definition comes to, before a weight is read. */
interface ModelParts {
  /** By component, and `scheduler`. */
  readonly configs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Weights that are kept, by component. */
  readonly kept: ReadonlyMap<ComponentName, readonly TensorEntry[]>;
  readonly tokenizerFiles: readonly string[];
  /** Text of `likeness.json`, where there is one. */
  readonly recommended: string | undefined;
  readonly seed: number;
}

/**
 * Writes the folder of a model.
 * @throws WeightsError naming what is missing: configs, the tokenizer, or weights that are to be kept
 */
export async function createModel(definition: ModelDefinition, folder: string): Promise<void> {
  const { configs, kept, tokenizerFiles, recommended, seed } = await partsOf(definition);
  const { unet, vae, text_encoder } = configs;
  const where = definition.from ?? 'the configuration';
  const networks = createNetworks({ unet, vae, text_encoder }, where);
  for (const name of COMPONENTS) {
    const place = join(folder, name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'config.json'), modelJsonText(configs[name]));
    const entries = kept.get(name);
    const tensors = entries
      ? entries.map((entry) => ({ ...entry, data: () => readTensorRaw(entry) }))
      : randomWeights(networkOf(networks, name), configs[name], seed);
    await writeSafetensors(join(place, weightFileName(name)), tensors, { format: 'pt' });
  }
  await mkdir(join(folder, 'scheduler'), { recursive: true });
  await writeFile(join(folder, 'scheduler/scheduler_config.json'), modelJsonText(configs['scheduler']));
  await writeTokenizer(tokenizerFiles, configs, join(folder, 'tokenizer'));
  if (recommended !== undefined) await writeFile(join(folder, SETTINGS_FILE), recommended);
  await writeFile(join(folder, 'model_index.json'), modelJsonText(modelIndex(configs['scheduler'])));
  for (const { parameters } of [networks.unet, networks.vae, networks.textEncoder]) parameters.dispose();
}

/** Content that decides what `createModel` writes; undefined for a whole model that is to stay as it is. */
export async function identifyModel(
  definition: ModelDefinition,
): Promise<Record<string, unknown> | undefined> {
  const { kept, tokenizerFiles, ...rest } = await partsOf(definition);
  const { config = {}, tokenizer } = definition;
  const isWhole = COMPONENTS.every((name) => kept.has(name)) && tokenizer === undefined;
  if (isWhole && Object.keys(config).length === 0) return undefined;
  const hashes: Record<string, string> = {};
  for (const [name, entries] of kept) {
    const hash = createHash('sha256');
    for (const entry of entries) {
      hash.update(JSON.stringify([entry.name, entry.dtype, entry.shape])).update(await readTensorRaw(entry));
    }
    hashes[name] = hash.digest('hex');
  }
  for (const file of tokenizerFiles)
    hashes[basename(file)] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  return { ...rest, hashes, version: VERSION };
}

async function partsOf({ from, random, config = {}, tokenizer, seed }: ModelDefinition): Promise<ModelParts> {
  const base = from === undefined ? undefined : await baseOf(from);
  const configs = Object.fromEntries(
    [...COMPONENTS, 'scheduler', 'tokenizer'].map((name) => [
      name,
      { ...base?.configs.get(name), ...config[name] },
    ]),
  );
  const missing = [...COMPONENTS, 'scheduler'].filter(
    (name) => Object.keys(configs[name] ?? {}).length === 0,
  );
  const kept = new Map([...(base?.weights ?? [])].filter(([name]) => random?.includes(name) !== true));
  const absent =
    random === undefined ? [] : COMPONENTS.filter((name) => !random.includes(name) && !kept.has(name));
  const tokenizerFiles = tokenizer === undefined ? (base?.tokenizerFiles ?? []) : await filesIn(tokenizer);
  const details = [
    ...missing.map((name) => `no config for ${name}: ${from ?? 'the configuration'} has none`),
    ...absent.map((name) => `no weights for ${name}, which is not to be random`),
    ...(tokenizerFiles.length === 0 ? ['no tokenizer'] : []),
  ];
  if (details.length > 0) {
    throw new WeightsError('the model is not fully described', {
      code: 'model/not-described',
      where: from ?? 'the configuration',
      details,
      hint: 'a folder with unet/config.json, vae/config.json, text_encoder/config.json, scheduler/scheduler_config.json and tokenizer/, or the fields in the configuration',
    });
  }
  const recommended = await readFile(join(from ?? '', SETTINGS_FILE), 'utf8').catch(() => undefined);
  return { configs, kept, tokenizerFiles, recommended, seed };
}

interface Base {
  readonly configs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly weights: ReadonlyMap<ComponentName, readonly TensorEntry[]>;
  readonly tokenizerFiles: readonly string[];
}

/** Of a folder whatever it holds; of anything else a whole model. */
async function baseOf(from: string): Promise<Base> {
  if (!(await stat(from).catch(() => undefined))?.isDirectory()) {
    const { components, scheduler, tokenizer } = await openModel(from);
    const { unet, vae, textEncoder } = components;
    const parts = [unet, vae, textEncoder];
    return {
      configs: new Map([
        ...parts.map(({ name, config }) => [name, config as Record<string, unknown>] as const),
        ['scheduler', scheduler as Record<string, unknown>] as const,
      ]),
      weights: new Map(parts.map(({ name, tensors }) => [name, [...tensors.values()]])),
      tokenizerFiles: tokenizer.files,
    };
  }
  const configs = new Map<string, Record<string, unknown>>();
  const weights = new Map<ComponentName, TensorEntry[]>();
  for (const name of COMPONENTS) {
    const config = await readModelJsonIfPresent(join(from, name, 'config.json'));
    if (config) configs.set(name, config);
    const choice = chooseWeightFiles(name, await fileNames(join(from, name)));
    if (choice === undefined) continue;
    const entries: TensorEntry[] = [];
    for (const file of choice.files)
      entries.push(...(await readSafetensorsHeader(join(from, name, file))).tensors.values());
    weights.set(name, entries);
  }
  const scheduler = await readModelJsonIfPresent(join(from, 'scheduler/scheduler_config.json'));
  if (scheduler) configs.set('scheduler', scheduler);
  return { configs, weights, tokenizerFiles: await filesIn(join(from, 'tokenizer')) };
}

/** No prompt may be longer than the text encoder has positions. */
async function writeTokenizer(
  files: readonly string[],
  configs: ModelParts['configs'],
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { maxPositions } = parseClipTextConfig(configs['text_encoder']);
  for (const file of files) {
    const name = basename(file);
    const bytes = await readFile(file);
    if (name !== 'tokenizer_config.json') {
      await writeFile(join(folder, name), bytes);
      continue;
    }
    const settings = parseModelJson(bytes.toString(), file);
    const { model_max_length: own } = settings;
    const longest = Math.min(typeof own === 'number' ? own : maxPositions, maxPositions);
    await writeFile(
      join(folder, name),
      modelJsonText({ ...settings, model_max_length: longest, ...configs['tokenizer'] }),
    );
  }
}

/** As StableDiffusionPipeline.save_pretrained writes it. */
function modelIndex(scheduler: Readonly<Record<string, unknown>> = {}): object {
  const none = [null, null];
  return {
    _class_name: 'StableDiffusionPipeline',
    _diffusers_version: '0.42.1',
    feature_extractor: none,
    image_encoder: none,
    requires_safety_checker: false,
    safety_checker: none,
    scheduler: ['diffusers', scheduler['_class_name'] ?? 'DDIMScheduler'],
    text_encoder: ['transformers', 'CLIPTextModel'],
    tokenizer: ['transformers', 'CLIPTokenizer'],
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
  };
}

function networkOf({ unet, vae, textEncoder }: Networks, name: ComponentName) {
  return { unet, vae, text_encoder: textEncoder }[name];
}

async function filesIn(folder: string): Promise<string[]> {
  return (await fileNames(folder)).map((name) => join(folder, name));
}
