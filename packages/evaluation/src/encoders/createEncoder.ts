// Makes an encoder's folder with weights nobody has trained yet, so that whoever trains it opens it like any other.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConfigError,
  createRng,
  WeightsError,
  writeSafetensors,
  type EncoderDefinition,
  type Parameters,
  type TensorSource,
} from '@likeness/core';
import { CONFIG, PREPROCESSOR, TOKENIZER_FILES, WEIGHTS, writeJson } from './encoderFolder.ts';
import { labelFields } from './labels.ts';
import { createEncoderNetwork } from './network.ts';
import { writeTokenizer } from './smallTokenizer.ts';

/** Counts up when the same definition comes to be written otherwise: what was made before is not taken then. */
const VERSION = 1;
/** CLIP's first temperature: 1 / 0.07. */
const LOGIT_SCALE = Math.log(1 / 0.07);

/** Content that decides what `createEncoder` writes. */
export async function identifyEncoder({
  tokenizer,
  ...definition
}: EncoderDefinition): Promise<Record<string, unknown>> {
  const hashes: Record<string, string> = {};
  for (const name of tokenizer === undefined ? [] : TOKENIZER_FILES) {
    const bytes = await readFile(join(tokenizer ?? '', name)).catch(() => undefined);
    if (bytes) hashes[name] = createHash('sha256').update(bytes).digest('hex');
  }
  return { ...definition, hashes, version: VERSION };
}

/**
 * Writes the folder of an encoder: a ViT (a classifier where labels are given), or CLIP's two towers.
 * @throws WeightsError for a config that fits no network
 * @throws ConfigError when a text tower has no tokenizer
 */
export async function createEncoder(definition: EncoderDefinition, folder: string): Promise<void> {
  const { labels, seed } = definition;
  const config = {
    ...(definition.config['model_type'] === 'clip'
      ? await withTokenizer(definition, folder)
      : { architectures: ['ViTModel'], ...definition.config }),
    ...(labels === undefined ? {} : labelFields(labels)),
    dtype: 'float32',
  };
  const { parameters, prefix, resolution } = createEncoderNetwork(config, 'new', 'the configuration');
  try {
    const tensors = [...parameters.entries().keys()].map((key): TensorSource => {
      const { shape = [] } = parameters.entries().get(key) ?? {};
      const name = key.startsWith('classifier.') ? key : `${prefix}${key}`;
      return { name, dtype: 'F32', shape, data: () => firstValues(parameters, key, config, seed) };
    });
    await writeJson(join(folder, CONFIG), config);
    await writeSafetensors(join(folder, WEIGHTS), tensors, { format: 'pt' });
    await writeJson(join(folder, PREPROCESSOR), preprocessing(resolution, 'text_config' in config));
  } finally {
    parameters.dispose();
  }
}

/** The tokenizer is written, and its numbers go into the text tower's config. */
async function withTokenizer(
  { config, tokenizer, vocabularySize }: EncoderDefinition,
  folder: string,
): Promise<Record<string, unknown>> {
  if (tokenizer === undefined) {
    throw new ConfigError('a text tower needs a tokenizer', {
      code: 'evaluation/no-tokenizer',
      where: 'tokenizer',
      expected: 'a folder with vocab.json and merges.txt',
      got: 'nothing',
    });
  }
  const text = (config['text_config'] ?? {}) as Readonly<Record<string, unknown>>;
  const length = text['max_position_embeddings'];
  const written = await writeTokenizer(tokenizer, folder, {
    size: vocabularySize,
    maxLength: typeof length === 'number' ? length : 77,
  });
  const projection = { projection_dim: config['projection_dim'] ?? 512 };
  return {
    architectures: ['CLIPModel'],
    ...config,
    ...projection,
    logit_scale_init_value: LOGIT_SCALE,
    text_config: {
      model_type: 'clip_text_model',
      ...text,
      ...projection,
      vocab_size: written.vocabSize,
      bos_token_id: written.bosTokenId,
      eos_token_id: written.eosTokenId,
      pad_token_id: written.padTokenId,
    },
    vision_config: {
      model_type: 'clip_vision_model',
      ...(config['vision_config'] as object | undefined),
      ...projection,
    },
  };
}

/** Pixels in [-1, 1]; pictures as they are where they have the size already. */
function preprocessing(side: number, isClip: boolean): Record<string, unknown> {
  const square = { height: side, width: side };
  const half = [0.5, 0.5, 0.5];
  return {
    image_processor_type: isClip ? 'CLIPImageProcessor' : 'ViTImageProcessor',
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    rescale_factor: 1 / 255,
    image_mean: half,
    image_std: half,
    size: isClip ? { shortest_edge: side } : square,
    ...(isClip ? { do_center_crop: true, crop_size: square, do_convert_rgb: true } : {}),
    resample: 3,
  };
}

type Deviations = readonly (readonly [RegExp, number])[];

/**
 * Norms are 1 and 0, biases 0, the rest normal (transformers, `_init_weights` of modeling_vit.py and modeling_clip.py),
 * from the counter-based generator, a stream a tensor.
 */
function firstValues(
  parameters: Parameters,
  key: string,
  config: Readonly<Record<string, unknown>>,
  seed: number,
): Float32Array {
  const { shape = [] } = parameters.entries().get(key) ?? {};
  const size = shape.reduce((product, length) => product * length, 1);
  if (key === 'logit_scale') return Float32Array.of(LOGIT_SCALE);
  if (key.endsWith('.bias')) return new Float32Array(size);
  if (key.endsWith('.weight') && shape.length === 1) return new Float32Array(size).fill(1);
  const deviations = 'text_config' in config ? clipDeviations(config) : VIT_DEVIATIONS;
  const std = deviations.find(([pattern]) => pattern.test(key))?.[1];
  if (std === undefined)
    throw new WeightsError('nobody says how this weight starts', {
      code: 'evaluation/unknown-encoder',
      where: key,
    });
  return createRng(seed)
    .stream(`initial.encoder.${key}`, 0, 0)
    .normal(size)
    .map((x) => x * std);
}

const VIT_DEVIATIONS: Deviations = [[/./, 0.02]];

function clipDeviations(config: Readonly<Record<string, unknown>>): Deviations {
  const number = (tower: string, field: string, otherwise: number): number => {
    const value = (config[tower] as Readonly<Record<string, unknown>>)[field];
    return typeof value === 'number' ? value : otherwise;
  };
  return (['vision', 'text'] as const).flatMap((tower): Deviations => {
    const width = number(`${tower}_config`, 'hidden_size', tower === 'vision' ? 768 : 512);
    const residual = (2 * number(`${tower}_config`, 'num_hidden_layers', 12)) ** -0.5 * width ** -0.5;
    const of = (pattern: string): RegExp => new RegExp(`^${pattern.replace('TOWER', `${tower}_model`)}`);
    return [
      [of('TOWER\\.encoder\\.layers\\.\\d+\\.self_attn\\.[qkv]_proj'), residual],
      [of('TOWER\\.encoder\\.layers\\.\\d+\\.self_attn\\.out_proj'), width ** -0.5],
      [of('TOWER\\.encoder\\.layers\\.\\d+\\.mlp\\.fc1'), (2 * width) ** -0.5],
      [of('TOWER\\.encoder\\.layers\\.\\d+\\.mlp\\.fc2'), residual],
      [of('TOWER\\.embeddings\\.class_embedding'), width ** -0.5],
      [of('TOWER\\.embeddings\\.'), 0.02],
      [of(tower === 'vision' ? 'visual_projection' : 'text_projection'), width ** -0.5],
    ];
  });
}
