// Opens an encoder in transformers' layout: config.json, model.safetensors, preprocessor_config.json, and a tokenizer's
// files where there is a text tower. No weight is read here: programs load them by range from the tensors listed.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  parseJson,
  readSafetensorsHeader,
  WeightsError,
  type ImageEncoder,
  type ModelExportOptions,
  type TensorEntry,
  type TextFeatures,
  type WeightsSource,
} from '@likeness/core';
import {
  componentFingerprint,
  loadTokenizer,
  matchKeys,
  readTokenizerFiles,
} from '@likeness/stable-diffusion';
import { ENCODER_HINT } from './bookkeeping.ts';
import { CONFIG, copyFiles, PREPROCESSOR, TOKENIZER_FILES, WEIGHTS, writeJson } from './encoderFolder.ts';
import { createEncoderNetwork, type EncoderNetwork } from './network.ts';

export interface LoadEncoderOptions {
  /** What variables' names begin with: another one for every encoder of a program. Default: the network's `model_type`. */
  readonly name?: string;
  /** Folder of the tokenizer, where the encoder's own has none. */
  readonly tokenizerFolder?: string;
}

/**
 * Opens `ViTModel`, `Dinov2Model` (with registers or without), `CLIPModel`, or a `ViTForImageClassification`.
 * @param folder a local folder
 * @throws WeightsError when files are missing or damaged, a config asks for what is not here, or keys do not match: all
 *   mismatches at once
 */
export async function loadImageEncoder(
  folder: string,
  { name, tokenizerFolder = folder }: LoadEncoderOptions = {},
): Promise<ImageEncoder> {
  const config = await jsonIn(folder, CONFIG);
  const preprocessor = await jsonIn(folder, PREPROCESSOR);
  const component = name ?? String(config['model_type']);
  const network = createEncoderNetwork(config, component, join(folder, CONFIG));
  const { tensors } = await readSafetensorsHeader(join(folder, WEIGHTS));
  const own = ownTensors(network, tensors);
  const shapes = new Map([...network.parameters.entries()].map(([key, { shape }]) => [key, shape]));
  matchKeys(shapes, own, { component, hint: ENCODER_HINT });
  const text = network.text && (await textFeatures(network.text, tokenizerFolder));
  return {
    source: folder,
    fingerprint: await componentFingerprint([{ name: 'encoder', config, tensors: own }]),
    resolution: network.resolution,
    featureSize: network.featureSize,
    preprocessor,
    components: [{ name: component, parameters: network.parameters, tensors: own }],
    encode: network.encode,
    ...(text ? { text } : {}),
    ...(network.labels ? { labels: network.labels } : {}),
    export: (path, weights, _changed, options) =>
      writeEncoder(network, { config, folder, tokenizerFolder }, path, weights, options),
  };
}

/** The file's tensors by the network's own paths: without a classifier's prefix, and without what nothing computes. */
function ownTensors(
  { prefix, leftOut }: EncoderNetwork,
  tensors: ReadonlyMap<string, TensorEntry>,
): Map<string, TensorEntry> {
  const own = new Map<string, TensorEntry>();
  for (const [key, entry] of tensors) {
    if (leftOut.test(key)) continue;
    const path = key.startsWith(prefix) ? key.slice(prefix.length) : key;
    own.set(path, { ...entry, name: path });
  }
  return own;
}

async function textFeatures(
  { vocabSize, ...network }: NonNullable<EncoderNetwork['text']>,
  folder: string,
): Promise<TextFeatures> {
  const settings = {
    padToken: (await readTokenizerFiles(folder)).padToken,
    modelMaxLength: network.maxLength,
  };
  const tokenizer = await loadTokenizer(folder, settings);
  if (tokenizer.vocabSize > vocabSize) {
    throw new WeightsError('the tokenizer does not belong to the text tower', {
      code: 'evaluation/other-tokenizer',
      where: folder,
      expected: `at most ${vocabSize} tokens`,
      got: `${tokenizer.vocabSize}`,
    });
  }
  return { ...network, tokenizer };
}

interface Origin {
  readonly config: Readonly<Record<string, unknown>>;
  readonly folder: string;
  readonly tokenizerFolder: string;
}

const DTYPES = { fp32: 'F32', fp16: 'F16', bf16: 'BF16', asIs: 'F32' } as const;

/** The folder again with the weights of a program. */
async function writeEncoder(
  { parameters, prefix }: EncoderNetwork,
  { config, folder, tokenizerFolder }: Origin,
  target: string,
  weights: WeightsSource,
  { dtype, metadata }: ModelExportOptions,
): Promise<string[]> {
  const tensors = [...parameters.entries().values()].map(({ key, layout }) => ({
    variable: parameters.variableName(key),
    key: key.startsWith('classifier.') ? key : `${prefix}${key}`,
    dtype: DTYPES[dtype],
    layout,
  }));
  await weights.save(join(target, WEIGHTS), tensors, metadata);
  const names = { fp32: 'float32', fp16: 'float16', bf16: 'bfloat16', asIs: 'float32' } as const;
  const copied = await copyFiles(folder, target, [PREPROCESSOR]);
  const tokenizer = await copyFiles(tokenizerFolder, target, TOKENIZER_FILES);
  await writeJson(join(target, CONFIG), { ...config, dtype: names[dtype] });
  return [WEIGHTS, CONFIG, ...copied, ...tokenizer];
}

async function jsonIn(folder: string, name: string): Promise<Record<string, unknown>> {
  const where = join(folder, name);
  const text = await readFile(where, 'utf8').catch(() => undefined);
  if (text === undefined) {
    const isFolder = (await stat(folder).catch(() => undefined))?.isDirectory() === true;
    throw new WeightsError(isFolder ? 'has no such file' : 'there is no such folder', {
      code: 'evaluation/encoder-incomplete',
      where: isFolder ? where : folder,
      expected: `${CONFIG}, ${WEIGHTS}, ${PREPROCESSOR}`,
      hint: 'a folder as transformers’ save_pretrained writes it',
    });
  }
  const value = parseJson(text, where);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new WeightsError('is no config of an encoder', {
    code: 'evaluation/unknown-encoder',
    where,
    expected: 'an object with model_type',
    got: text.slice(0, 60),
  });
}
