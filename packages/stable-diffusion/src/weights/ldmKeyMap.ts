// Keys of the original Stable Diffusion release (CompVis's latent-diffusion, "LDM") and diffusers', both ways, for any
// depth and number of levels. Source: diffusers' scripts/convert_diffusers_to_original_stable_diffusion.py, generalised
// from layers_per_block 2: (layersPerBlock + 1)·i + j stands where the script says 3i + j.

import { WeightsError } from '@likeness/engine';
import { z } from 'zod';
import type { ComponentName } from './modelFiles.ts';

/** `transformers`: SD 1.x's CLIP, names unchanged. `openClip`: SD 2.x's, with q, k and v in one matrix. */
export type TextLayout = 'transformers' | 'openClip';

/** A tensor of a component by diffusers' key. */
export interface ComponentKey {
  readonly component: ComponentName;
  readonly key: string;
}

export interface LdmKeyMap {
  /** The tensor's name in the LDM file, and which part of that one it is when several are stacked (OpenCLIP's q, k, v). */
  toLdm(
    tensor: ComponentKey,
  ): { readonly name: string; readonly part: number; readonly parts: number } | undefined;
  /** The tensors stored under an LDM name, stacked along the first axis; undefined for names outside the map. */
  fromLdm(name: string): readonly ComponentKey[] | undefined;
}

export interface LdmConfigs {
  /** Parsed config.json of the UNet: block_out_channels, layers_per_block, up_block_types. */
  readonly unet: unknown;
  /** Parsed config.json of the VAE: block_out_channels, layers_per_block. */
  readonly vae: unknown;
  readonly textLayout: TextLayout;
}

export const LDM_PREFIX = {
  unet: 'model.diffusion_model.',
  vae: 'first_stage_model.',
  textTransformers: 'cond_stage_model.transformer.',
  textOpenClip: 'cond_stage_model.model.',
} as const;

const perLevel = z.union([z.int(), z.array(z.int())]);
const unetConfig = z.looseObject({ layers_per_block: perLevel, up_block_types: z.array(z.string()) });
const vaeConfig = z.looseObject({ layers_per_block: z.int(), block_out_channels: z.array(z.int()) });

/** Pairs of module paths; what follows a path is spelled the same on both sides. */
type Paths = [diffusers: string, ldm: string][];

/** @throws WeightsError when a config lacks the fields that number the blocks */
export function ldmKeyMap({ unet, vae, textLayout }: LdmConfigs): LdmKeyMap {
  const unetPaths = bothWays(unetPathPairs(parseConfig('unet', unetConfig, unet)));
  const vaePaths = bothWays(vaePathPairs(parseConfig('vae', vaeConfig, vae)));
  return {
    toLdm({ component, key }) {
      if (component === 'text_encoder') return textToLdm(key, textLayout);
      const { toLdm } = component === 'unet' ? unetPaths : vaePaths;
      const name = rename(toLdm, key);
      return name === undefined ? undefined : { name: `${LDM_PREFIX[component]}${name}`, part: 0, parts: 1 };
    },
    fromLdm(name) {
      for (const component of ['unet', 'vae'] as const) {
        if (!name.startsWith(LDM_PREFIX[component])) continue;
        const { fromLdm } = component === 'unet' ? unetPaths : vaePaths;
        const key = rename(fromLdm, name.slice(LDM_PREFIX[component].length));
        return key === undefined ? undefined : [{ component, key }];
      }
      return textFromLdm(name, textLayout)?.map((key) => ({ component: 'text_encoder', key }));
    },
  };
}

const RESNET: Paths = [
  ['norm1', 'in_layers.0'],
  ['conv1', 'in_layers.2'],
  ['norm2', 'out_layers.0'],
  ['conv2', 'out_layers.3'],
  ['time_emb_proj', 'emb_layers.1'],
  ['conv_shortcut', 'skip_connection'],
];

function unetPathPairs(config: z.infer<typeof unetConfig>): Paths {
  const { layers_per_block: layersPerBlock, up_block_types: upBlockTypes } = config;
  const levels = upBlockTypes.length;
  const layers = Array.from({ length: levels }, (_, i) =>
    typeof layersPerBlock === 'number' ? layersPerBlock : (layersPerBlock[i] ?? 0),
  );
  const pairs: Paths = [
    ['time_embedding.linear_1', 'time_embed.0'],
    ['time_embedding.linear_2', 'time_embed.2'],
    ['conv_in', 'input_blocks.0.0'],
    ['conv_norm_out', 'out.0'],
    ['conv_out', 'out.2'],
    ['mid_block.attentions.0', 'middle_block.1'],
  ];
  const resnet = (path: string, ldm: string): void => {
    for (const [name, ldmName] of RESNET) pairs.push([`${path}.${name}`, `${ldm}.${ldmName}`]);
  };
  resnet('mid_block.resnets.0', 'middle_block.0');
  resnet('mid_block.resnets.1', 'middle_block.2');

  let input = 1;
  for (const [i, count] of layers.entries()) {
    for (let j = 0; j < count; j++, input++) {
      resnet(`down_blocks.${i}.resnets.${j}`, `input_blocks.${input}.0`);
      pairs.push([`down_blocks.${i}.attentions.${j}`, `input_blocks.${input}.1`]);
    }
    if (i < levels - 1) pairs.push([`down_blocks.${i}.downsamplers.0.conv`, `input_blocks.${input++}.0.op`]);
  }
  let output = 0;
  for (const [i, count] of layers.toReversed().entries()) {
    const attends = upBlockTypes[i]?.includes('CrossAttn') ?? false;
    for (let j = 0; j <= count; j++, output++) {
      resnet(`up_blocks.${i}.resnets.${j}`, `output_blocks.${output}.0`);
      if (attends) pairs.push([`up_blocks.${i}.attentions.${j}`, `output_blocks.${output}.1`]);
    }
    // the upsampler is the last entry of the level's last block: after the attention, or after the resnet alone
    if (i < levels - 1)
      pairs.push([`up_blocks.${i}.upsamplers.0`, `output_blocks.${output - 1}.${attends ? 2 : 1}`]);
  }
  return pairs;
}

const VAE_RESNET: Paths = [
  ['norm1', 'norm1'],
  ['conv1', 'conv1'],
  ['norm2', 'norm2'],
  ['conv2', 'conv2'],
  ['conv_shortcut', 'nin_shortcut'],
];
const VAE_ATTENTION: Paths = [
  ['group_norm', 'norm'],
  ['to_q', 'q'],
  ['to_k', 'k'],
  ['to_v', 'v'],
  ['to_out.0', 'proj_out'],
];

function vaePathPairs({
  layers_per_block: layers,
  block_out_channels: channels,
}: z.infer<typeof vaeConfig>): Paths {
  const levels = channels.length;
  const pairs: Paths = [
    ['quant_conv', 'quant_conv'],
    ['post_quant_conv', 'post_quant_conv'],
  ];
  const nested = (path: string, ldm: string, parts: Paths): void => {
    for (const [name, ldmName] of parts) pairs.push([`${path}.${name}`, `${ldm}.${ldmName}`]);
  };
  for (const side of ['encoder', 'decoder']) {
    nested(side, side, [
      ['conv_in', 'conv_in'],
      ['conv_norm_out', 'norm_out'],
      ['conv_out', 'conv_out'],
    ]);
    nested(`${side}.mid_block.resnets.0`, `${side}.mid.block_1`, VAE_RESNET);
    nested(`${side}.mid_block.resnets.1`, `${side}.mid.block_2`, VAE_RESNET);
    nested(`${side}.mid_block.attentions.0`, `${side}.mid.attn_1`, VAE_ATTENTION);
  }
  for (let i = 0; i < levels; i++) {
    // LDM numbers the decoder's levels from the picture's end
    const up = levels - 1 - i;
    for (let j = 0; j < layers; j++) {
      nested(`encoder.down_blocks.${i}.resnets.${j}`, `encoder.down.${i}.block.${j}`, VAE_RESNET);
    }
    for (let j = 0; j <= layers; j++) {
      nested(`decoder.up_blocks.${i}.resnets.${j}`, `decoder.up.${up}.block.${j}`, VAE_RESNET);
    }
    pairs.push([`encoder.down_blocks.${i}.downsamplers.0`, `encoder.down.${i}.downsample`]);
    pairs.push([`decoder.up_blocks.${i}.upsamplers.0`, `decoder.up.${up}.upsample`]);
  }
  return pairs;
}

/** Whether a tensor is a 1×1 convolution [C, C, 1, 1] in an LDM file and linear [C, C] in diffusers': the VAE's attention. */
export function isLdmConv1x1({ component, key }: ComponentKey): boolean {
  return component === 'vae' && /\.attentions\.\d+\.to_(q|k|v|out\.0)\.weight$/.test(key);
}

const OPEN_CLIP_LAYER: Paths = [
  ['layer_norm1', 'ln_1'],
  ['layer_norm2', 'ln_2'],
  ['mlp.fc1', 'mlp.c_fc'],
  ['mlp.fc2', 'mlp.c_proj'],
  ['self_attn.out_proj', 'attn.out_proj'],
];
const OPEN_CLIP_TOP: Paths = [
  ['text_model.embeddings.token_embedding.weight', 'token_embedding.weight'],
  ['text_model.embeddings.position_embedding.weight', 'positional_embedding'],
  ['text_model.final_layer_norm.weight', 'ln_final.weight'],
  ['text_model.final_layer_norm.bias', 'ln_final.bias'],
];
const STACKED = ['q_proj', 'k_proj', 'v_proj'];

function textToLdm(key: string, layout: TextLayout): ReturnType<LdmKeyMap['toLdm']> {
  if (layout === 'transformers') return { name: `${LDM_PREFIX.textTransformers}${key}`, part: 0, parts: 1 };
  const top = OPEN_CLIP_TOP.find(([name]) => name === key);
  if (top !== undefined) return { name: `${LDM_PREFIX.textOpenClip}${top[1]}`, part: 0, parts: 1 };
  const match = /^text_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(key);
  if (match === null) return undefined;
  const [, layer = '', path = '', kind = ''] = match;
  const block = `${LDM_PREFIX.textOpenClip}transformer.resblocks.${layer}`;
  const part = STACKED.indexOf(path.replace('self_attn.', ''));
  if (part >= 0) return { name: `${block}.attn.in_proj_${kind}`, part, parts: STACKED.length };
  const ldm = OPEN_CLIP_LAYER.find(([name]) => name === path)?.[1];
  return ldm === undefined ? undefined : { name: `${block}.${ldm}.${kind}`, part: 0, parts: 1 };
}

function textFromLdm(name: string, layout: TextLayout): string[] | undefined {
  if (layout === 'transformers') {
    if (!name.startsWith(LDM_PREFIX.textTransformers)) return undefined;
    return [name.slice(LDM_PREFIX.textTransformers.length)];
  }
  if (!name.startsWith(LDM_PREFIX.textOpenClip)) return undefined;
  const rest = name.slice(LDM_PREFIX.textOpenClip.length);
  const top = OPEN_CLIP_TOP.find(([, ldm]) => ldm === rest);
  if (top !== undefined) return [top[0]];
  const match = /^transformer\.resblocks\.(\d+)\.(.+)[._](weight|bias)$/.exec(rest);
  if (match === null) return undefined;
  const [, layer = '', path = '', kind = ''] = match;
  const block = `text_model.encoder.layers.${layer}`;
  if (path === 'attn.in_proj') return STACKED.map((part) => `${block}.self_attn.${part}.${kind}`);
  const key = OPEN_CLIP_LAYER.find(([, ldm]) => ldm === path)?.[0];
  return key === undefined ? undefined : [`${block}.${key}.${kind}`];
}

function bothWays(pairs: Paths): { toLdm: Map<string, string>; fromLdm: Map<string, string> } {
  return { toLdm: new Map(pairs), fromLdm: new Map(pairs.map(([diffusers, ldm]) => [ldm, diffusers])) };
}

/** Replaces the longest known path at the start of a key. */
function rename(paths: ReadonlyMap<string, string>, key: string): string | undefined {
  for (let end = key.lastIndexOf('.'); end > 0; end = key.lastIndexOf('.', end - 1)) {
    const path = paths.get(key.slice(0, end));
    if (path !== undefined) return path + key.slice(end);
  }
  return undefined;
}

function parseConfig<T>(component: ComponentName, schema: z.ZodType<T>, config: unknown): T {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new WeightsError('the config does not say how the blocks are numbered', {
    code: 'model/unsupported-config',
    where: `config.json of ${component}`,
    details: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
  });
}
