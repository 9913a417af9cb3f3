// Which model adapters are for, as far as their file tells: by keys that only one family has, by the width of the text
// that cross-attention reads, and by what tools write into the header.
import type { TensorEntry } from '@likeness/core';
import type { AdaptableLayer } from '../layers.ts';
import { shown } from './shown.ts';
import { splitKey } from './spellings.ts';

export interface Family {
  /** `Stable Diffusion XL` */
  readonly name: string;
  /** What tells it: a key, a width, an entry of the header. */
  readonly sign: string;
}

/** Keys that no adapter of Stable Diffusion 1.x or 2.x has; the first that fits counts. */
const KEY_SIGNS: readonly (readonly [key: RegExp, family: string])[] = [
  [/(?:^|[._])(?:double_blocks|single_blocks|single_transformer_blocks)[._]\d/, 'FLUX, or one built like it'],
  [/transformer_blocks[._]\d+[._](?:img|txt)_m(?:od|lp)/, 'Qwen-Image'],
  [/(?:^|[._])joint_blocks[._]\d|transformer_blocks[._]\d+[._]attn[._]add_k_proj/, 'Stable Diffusion 3'],
  [/^lora_te2_|^text_encoder_2\.|\.clip_g$|label_emb|add_embedding/, 'Stable Diffusion XL'],
  [
    /(?:attentions|(?:input|output)_blocks[._]\d+|middle_block)[._]\d+[._]transformer_blocks[._][1-9]/,
    'Stable Diffusion XL',
  ],
  [/^lora_te3_|^text_encoder_3\./, 'Stable Diffusion 3'],
  [/(?:^|\.)(?:model|decoder)\.layers\.\d+\.(?:self_attn|mlp)\./, 'a language model'],
  [
    /^(?:lora_)?transformer[._]|^(?:diffusion_model\.|lora_unet_|model\.)?(?:blocks|layers)[._]\d/,
    'a diffusion transformer (Wan, PixArt, …)',
  ],
];

/** Numbers that stand for a token in the text states. */
const BY_TEXT_WIDTH: Readonly<Record<number, string>> = {
  768: 'Stable Diffusion 1.x',
  1024: 'Stable Diffusion 2.x',
  2048: 'Stable Diffusion XL',
};

/** Entries of headers that say it, and how their values read. */
const HEADER_ENTRIES = ['ss_base_model_version', 'modelspec.architecture'] as const;
const HEADER_SIGNS: readonly (readonly [value: RegExp, family: string])[] = [
  [/sdxl|stable-diffusion-xl/i, 'Stable Diffusion XL'],
  [/flux/i, 'FLUX, or one built like it'],
  [/^sd_?3|stable-diffusion-3/i, 'Stable Diffusion 3'],
  [/^sd_?v?2|stable-diffusion-v2/i, 'Stable Diffusion 2.x'],
  [/^sd_?v?1|stable-diffusion-v1/i, 'Stable Diffusion 1.x'],
];

/** The family that keys alone tell. */
export function familyOfKeys(keys: Iterable<string>): Family | undefined {
  const all = [...keys];
  for (const [sign, name] of KEY_SIGNS) {
    const key = all.find((one) => sign.test(one));
    if (key !== undefined) return { name, sign: `the key ${shown(key)}` };
  }
  return undefined;
}

/** The family that the header tells. */
export function familyOfHeader(metadata: Readonly<Record<string, string>>): Family | undefined {
  for (const entry of HEADER_ENTRIES) {
    const value = metadata[entry];
    if (value === undefined || value === '') continue;
    const known = HEADER_SIGNS.find(([sign]) => sign.test(value));
    return {
      name: known?.[1] ?? `another kind of model (${shown(value)})`,
      sign: `${entry} ${shown(value)}`,
    };
  }
  return undefined;
}

/** The family whose text states have a width. */
export const familyOfWidth = (width: number | undefined): string | undefined =>
  width === undefined ? undefined : BY_TEXT_WIDTH[width];

/** Cross-attention's keys and values read the text, whatever the spelling of their names. */
const READS_TEXT = /attn2[._](?:processor\.)?to_[kv]$/;

/** Width of the text that a file's adapters read; undefined when they do not say, or not alike. */
export function textWidthOfFile(tensors: ReadonlyMap<string, TensorEntry>): number | undefined {
  const widths = new Set<number | undefined>();
  for (const [key, { shape }] of tensors) {
    const split = splitKey(key);
    if (split && READS_TEXT.test(split.module) && ['down', 'hada_w1_b'].includes(split.part))
      widths.add(shape[1]);
  }
  return widths.size === 1 ? [...widths][0] : undefined;
}

/** Width of the text that a model's UNet reads. */
export const textWidthOfModel = (layers: readonly AdaptableLayer[]): number | undefined =>
  layers.find(({ component, path }) => component === 'unet' && READS_TEXT.test(path))?.shape[1];

/** A model in a few words: its family, where its width tells it, and its sizes. */
export function describeModel(layers: readonly AdaptableLayer[]): string {
  const width = textWidthOfModel(layers);
  const channels = layers
    .filter(({ component, path }) => component === 'unet' && /attn1\.to_q$/.test(path))
    .map(({ shape }) => shape[0] ?? 0);
  const sizes = [
    ...(width === undefined ? [] : [`text states ${width} wide`]),
    ...(channels.length === 0 ? [] : [`attention ${range(channels)} wide`]),
  ];
  const large = Math.max(...channels) >= 1280;
  const family = large ? familyOfWidth(width) : undefined;
  return [family ?? 'a model', ...(sizes.length > 0 ? [`with ${sizes.join(' and ')}`] : [])].join(' ');
}

function range(sizes: readonly number[]): string {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return least === most ? String(least) : `${least} to ${most}`;
}
