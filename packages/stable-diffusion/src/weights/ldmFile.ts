// A single file in the layout of the original Stable Diffusion release: opened as a model, and written.

import { join } from 'node:path';
import {
  BYTES_PER_ELEMENT,
  readSafetensorsHeader,
  readTensor,
  readTensorRaw,
  WeightsError,
  writeSafetensors,
  type TensorEntry,
} from '@likeness/engine';
import { z } from 'zod';
import { readModelJson } from '../modelJson.ts';
import { normalizeKey } from './checkpointKeys.ts';
import { detectTextLayout, inferLdmConfigs, type LdmModelConfigs } from './ldmConfig.ts';
import {
  isLdmConv1x1,
  LDM_PREFIX,
  ldmKeyMap,
  type LdmConfigs,
  type LdmKeyMap,
  type TextLayout,
} from './ldmKeyMap.ts';
import { ownConfigs } from './ownConfigs.ts';
import { checkPredictionType, findPrediction, guessed, type Prediction } from './predictionType.ts';
import { fileNames, type ComponentFiles, type ComponentName, type ModelFiles } from './modelFiles.ts';

export interface LdmFileOptions {
  /** A CLIP tokenizer folder (vocab.json, merges.txt): an LDM file has none, and all of them use the same one. */
  readonly tokenizerFolder?: string | undefined;
  /** A diffusers folder whose configs, scheduler and tokenizer this file goes with, instead of inferring them from shapes. */
  readonly configFolder?: string | undefined;
  /** What the network predicts, whatever the file says: epsilon, v_prediction or sample. */
  readonly predictionType?: string | undefined;
}

/**
 * Opens an LDM file as if it were a diffusers folder: same keys, same shapes, nothing copied.
 * @throws WeightsError when it is not SD 1.x or 2.x, or no tokenizer is given
 */
export async function openLdmFile(path: string, options: LdmFileOptions = {}): Promise<ModelFiles> {
  const { tensors, metadata } = await readSafetensorsHeader(path);
  const layout = detectTextLayout(tensors, path);
  const { configFolder } = options;
  const own = configFolder === undefined ? ownConfigs(metadata, path) : undefined;
  const found = await findPrediction({ path, tensors, metadata, layout });
  const given =
    options.predictionType === undefined ? undefined : checkPredictionType(options.predictionType);
  const prediction = { ...found, type: given ?? found.type, told: given !== undefined || found.told };
  const known = own ?? (configFolder === undefined ? undefined : await readConfigs(configFolder));
  const configs = known
    ? { ...known, scheduler: withPrediction(known.scheduler, prediction) }
    : inferLdmConfigs(tensors, prediction, layout, path);
  const components = mapComponents(tensors, configs, layout);
  return {
    source: path,
    format: 'ldm',
    folder: undefined,
    components: {
      unet: component('unet', configs.unet, components),
      vae: component('vae', configs.vae, components),
      textEncoder: component('text_encoder', configs.textEncoder, components),
    },
    ...(own === undefined ? {} : { recommended: own.recommended }),
    warnings: known || prediction.told ? [] : [guessed(path, prediction)],
    scheduler: configs.scheduler,
    schedulerFile: undefined,
    tokenizer: await tokenizerOf(path, configs, layout, options),
    modelIndex: modelIndexOf(configs),
  };
}

/** A scheduler's config with the prediction type that was told, if any. */
function withPrediction(scheduler: unknown, { type, told }: Prediction): unknown {
  return told ? { ...(scheduler as object), prediction_type: type } : scheduler;
}

type ComponentTensors = Record<ComponentName, Map<string, TensorEntry>>;

function component(name: ComponentName, config: unknown, tensors: ComponentTensors): ComponentFiles {
  return { name, config, configFile: undefined, tensors: tensors[name], weightFiles: [] };
}

function mapComponents(
  tensors: ReadonlyMap<string, TensorEntry>,
  configs: LdmModelConfigs,
  textLayout: TextLayout,
): ComponentTensors {
  const keyMap = ldmKeyMap({ unet: configs.unet, vae: configs.vae, textLayout });
  const textLayers = z.looseObject({ num_hidden_layers: z.int() }).safeParse(configs.textEncoder);
  const isDropped = (key: string): boolean => {
    const layer = /^text_model\.encoder\.layers\.(\d+)\./.exec(key)?.[1];
    return layer !== undefined && textLayers.success && Number(layer) >= textLayers.data.num_hidden_layers;
  };
  const components: ComponentTensors = { unet: new Map(), vae: new Map(), text_encoder: new Map() };
  for (const entry of tensors.values()) {
    const targets = keyMap.fromLdm(entry.name) ?? unmapped(entry.name);
    for (const [part, target] of targets.entries()) {
      const key = normalizeKey(target.component, target.key);
      if (key === undefined || isDropped(key)) continue;
      const slice = sliceRows(entry, part, targets.length);
      const shape = isLdmConv1x1(target) && slice.shape.length === 4 ? slice.shape.slice(0, 2) : slice.shape;
      components[target.component].set(key, { ...slice, name: key, shape });
    }
  }
  return components;
}

/** UNet and VAE tensors the map does not know stay, so that they are reported as unexpected; the rest is not part of the model. */
function unmapped(name: string): { component: ComponentName; key: string }[] {
  if (name.startsWith(LDM_PREFIX.unet)) return [{ component: 'unet', key: name }];
  if (/^first_stage_model\.(encoder|decoder|quant|post_quant)/.test(name))
    return [{ component: 'vae', key: name }];
  return [];
}

/** One of several tensors stacked along the first axis: rows lie together, so it is a range of the same bytes. */
function sliceRows(entry: TensorEntry, part: number, parts: number): TensorEntry {
  if (parts === 1) return entry;
  const [rows = 0, ...rest] = entry.shape;
  const byteLength = entry.byteLength / parts;
  return { ...entry, shape: [rows / parts, ...rest], offset: entry.offset + part * byteLength, byteLength };
}

async function readConfigs(folder: string): Promise<LdmModelConfigs> {
  const [unet, vae, textEncoder, scheduler] = await Promise.all([
    readModelJson(join(folder, 'unet', 'config.json')),
    readModelJson(join(folder, 'vae', 'config.json')),
    readModelJson(join(folder, 'text_encoder', 'config.json')),
    readModelJson(join(folder, 'scheduler', 'scheduler_config.json')),
  ]);
  return { unet, vae, textEncoder, scheduler };
}

async function tokenizerOf(
  path: string,
  configs: LdmModelConfigs,
  layout: TextLayout,
  { configFolder, tokenizerFolder }: LdmFileOptions,
): Promise<ModelFiles['tokenizer']> {
  const list = async (folder: string): Promise<string[]> =>
    (await fileNames(folder)).map((name) => join(folder, name));
  if (tokenizerFolder === undefined && configFolder !== undefined) {
    const where = join(configFolder, 'tokenizer');
    return { where, files: await list(where) };
  }
  if (tokenizerFolder === undefined) {
    throw new WeightsError('a single file holds no tokenizer', {
      code: 'tokenizer/missing-files',
      where: path,
      expected: "a folder with CLIP's vocab.json and merges.txt",
      hint: 'Give tokenizerFolder (any Stable Diffusion 1.x or 2.x tokenizer) or configFolder (a diffusers folder).',
    });
  }
  const vocabulary = (await list(tokenizerFolder)).filter((file) => /(vocab\.json|merges\.txt)$/.test(file));
  const positions = z.looseObject({ max_position_embeddings: z.int() }).safeParse(configs.textEncoder);
  return {
    where: tokenizerFolder,
    files: vocabulary,
    settings: {
      modelMaxLength: positions.success ? positions.data.max_position_embeddings : 77,
      padToken: layout === 'openClip' ? '!' : '<|endoftext|>',
    },
  };
}

function modelIndexOf({ scheduler }: LdmModelConfigs): unknown {
  const schedulerClass = z.looseObject({ _class_name: z.string() }).safeParse(scheduler);
  return {
    _class_name: 'StableDiffusionPipeline',
    feature_extractor: [null, null],
    image_encoder: [null, null],
    requires_safety_checker: false,
    safety_checker: [null, null],
    scheduler: ['diffusers', schedulerClass.success ? schedulerClass.data._class_name : 'PNDMScheduler'],
    text_encoder: ['transformers', 'CLIPTextModel'],
    tokenizer: ['transformers', 'CLIPTokenizer'],
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
  };
}

/** One tensor of an LDM file to be written: the given diffusers tensors, stacked along the first axis. */
export interface LdmTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly sources: readonly TensorEntry[];
}

/** The layout the original release would have used: OpenCLIP for SD 2.x, told by its exact gelu. */
export function textLayoutOf(textEncoderConfig: unknown): TextLayout {
  const config = z.looseObject({ hidden_act: z.string() }).safeParse(textEncoderConfig);
  return config.success && config.data.hidden_act === 'gelu' ? 'openClip' : 'transformers';
}

/**
 * What an LDM file of this model holds, in the order UNet, VAE, text encoder.
 * @throws WeightsError listing tensors for which the layout has no name
 */
export function planLdmFile(
  components: ModelFiles['components'],
  textLayout: TextLayout = textLayoutOf(components.textEncoder.config),
): LdmTensor[] {
  const configs: LdmConfigs = { unet: components.unet.config, vae: components.vae.config, textLayout };
  const keyMap: LdmKeyMap = ldmKeyMap(configs);
  const stacks = new Map<string, { parts: number; sources: TensorEntry[]; conv1x1: boolean }>();
  const unknown: string[] = [];
  for (const { name: componentName, tensors } of [components.unet, components.vae, components.textEncoder]) {
    for (const entry of tensors.values()) {
      const target = { component: componentName, key: entry.name };
      const place = keyMap.toLdm(target);
      if (place === undefined) {
        unknown.push(`${componentName}: ${entry.name}`);
        continue;
      }
      const stack = stacks.get(place.name) ?? {
        parts: place.parts,
        sources: [],
        conv1x1: isLdmConv1x1(target),
      };
      stack.sources[place.part] = entry;
      stacks.set(place.name, stack);
    }
  }
  const tensors = [...stacks].map(([name, { parts, sources, conv1x1 }]) => {
    const complete = sources.filter(Boolean);
    if (complete.length < parts)
      unknown.push(`${name}: ${parts - complete.length} of its ${parts} parts are missing`);
    const [rows = 0, ...rest] = complete[0]?.shape ?? [];
    const stacked = parts > 1 ? [rows * parts, ...rest] : (complete[0]?.shape ?? []);
    return { name, shape: conv1x1 ? [...stacked, 1, 1] : stacked, sources: complete };
  });
  if (unknown.length === 0) return tensors;
  throw new WeightsError('this model cannot be written as a single LDM file', {
    code: 'model/no-single-file-layout',
    details: unknown,
    hint: 'Export a diffusers folder instead.',
  });
}

export interface LdmWriteOptions {
  /** Of all tensors, or each as it is; half precision is what such files are published in. */
  readonly dtype?: 'F32' | 'F16' | 'BF16' | 'asIs';
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names of empty tensors that tell other tools about the model. */
  readonly markers?: readonly string[];
  /** By default told from the text encoder's config. */
  readonly textLayout?: TextLayout;
}

/** Writes an LDM file from weights in any files; a tensor at a time, rounded to `dtype`. */
export async function writeLdmFile(
  path: string,
  components: ModelFiles['components'],
  { dtype = 'F16', metadata = {}, markers = [], textLayout }: LdmWriteOptions = {},
): Promise<void> {
  const tensors = planLdmFile(components, textLayout).map(({ name, shape, sources }) => {
    const written = dtype === 'asIs' ? (sources[0]?.dtype ?? 'F32') : dtype;
    const isCopied = sources.every((source) => source.dtype === written);
    return {
      name,
      dtype: written,
      shape,
      data: () => (isCopied ? joinBytes(sources) : joinValues(sources)),
    };
  });
  const empty = markers.map((name) => ({
    name,
    dtype: 'F32' as const,
    shape: [0],
    data: () => new Float32Array(),
  }));
  await writeSafetensors(path, [...tensors, ...empty], { format: 'pt', ...metadata });
}

async function joinBytes(sources: readonly TensorEntry[]): Promise<Uint8Array> {
  return Buffer.concat(await Promise.all(sources.map(readTensorRaw)));
}

async function joinValues(sources: readonly TensorEntry[]): Promise<Float32Array> {
  const parts = await Promise.all(sources.map(readTensor));
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const bytes = Buffer.concat(
    parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)),
  );
  // Buffer.concat may hand out a part of a pool, which need not be aligned
  return new Float32Array(Uint8Array.from(bytes).buffer, 0, bytes.length / BYTES_PER_ELEMENT.F32);
}
