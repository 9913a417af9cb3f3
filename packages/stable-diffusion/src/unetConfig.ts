// `unet/config.json` of a diffusers folder → the table of blocks that unet.ts walks through.
// Names and defaults: diffusers, models/unets/unet_2d_condition.py (`UNet2DConditionModel.__init__`).
import { z } from 'zod';
import { bookkeeping, count, fewCount, only, parseConfig, perLevel } from './config.ts';
import type { ActivationName } from './layers.ts';

/** A spatial transformer's settings. */
export interface AttentionSettings {
  readonly heads: number;
  /** How many transformer blocks follow each resnet. */
  readonly depths: readonly number[];
  /** The first attention of a block looks at the text, too. */
  readonly onlyCrossAttention: boolean;
  /** Width of the text states. */
  readonly crossAttentionDim: number;
}

/** A row of the table: resnets, each with or without a transformer behind it, then a change of resolution. */
export interface UNetBlock {
  readonly channels: number;
  readonly resnets: number;
  readonly attention: AttentionSettings | null;
  /** Ends with a downsampler (on the way down) or an upsampler (on the way up). */
  readonly resample: boolean;
}

export interface UNetConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Side of the latents it was trained on. */
  readonly sampleSize: number | undefined;
  readonly activation: ActivationName;
  readonly normGroups: number;
  readonly normEps: number;
  readonly linearProjections: boolean;
  readonly centerInput: boolean;
  readonly convInKernel: number;
  readonly convOutKernel: number;
  readonly downsamplePadding: 0 | 1;
  /** The time embedding scales and shifts (FiLM) instead of being added. */
  readonly timeScaleShift: boolean;
  readonly time: {
    readonly channels: number;
    readonly width: number;
    readonly cosFirst: boolean;
    readonly freqShift: number;
  };
  readonly down: readonly UNetBlock[];
  readonly mid: (UNetBlock & { readonly scale: number }) | null;
  readonly up: readonly UNetBlock[];
}

const side = count.max(8192);
const sizes = z.union([side, z.tuple([side, side])]);
const levels = 16;

const fields = z.strictObject({
  ...bookkeeping,
  _class_name: only('UNet2DConditionModel'),
  sample_size: sizes.nullish(),
  in_channels: count.default(4),
  out_channels: count.default(4),
  center_input_sample: z.boolean().default(false),
  flip_sin_to_cos: z.boolean().default(true),
  freq_shift: z.number().default(0),
  down_block_types: z
    .array(z.enum(['CrossAttnDownBlock2D', 'DownBlock2D']))
    .min(1)
    .default(['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D']),
  mid_block_type: z
    .union([z.enum(['UNetMidBlock2DCrossAttn', 'UNetMidBlock2D']), z.null()])
    .default('UNetMidBlock2DCrossAttn'),
  up_block_types: z
    .array(z.enum(['UpBlock2D', 'CrossAttnUpBlock2D']))
    .min(1)
    .default(['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D']),
  only_cross_attention: perLevel(z.boolean()).default(false),
  block_out_channels: z.array(count.max(65_536)).min(1).max(levels).default([320, 640, 1280, 1280]),
  layers_per_block: perLevel(fewCount).default(2),
  downsample_padding: z.union([z.literal(0), z.literal(1)]).default(1),
  mid_block_scale_factor: z.number().default(1),
  act_fn: z.enum(['silu', 'swish', 'gelu', 'relu']).default('silu'),
  norm_num_groups: count.default(32),
  norm_eps: z.number().default(1e-5),
  cross_attention_dim: perLevel(count).default(1280),
  transformer_layers_per_block: z.union([fewCount, z.array(perLevel(fewCount))]).default(1),
  reverse_transformer_layers_per_block: z.array(perLevel(fewCount)).nullish(),
  attention_head_dim: perLevel(count).default(8),
  use_linear_projection: z.boolean().default(false),
  // A choice of precision inside half-precision runs; scores are float32 here in any case.
  upcast_attention: z.boolean().nullish(),
  resnet_time_scale_shift: z.enum(['default', 'scale_shift']).default('default'),
  time_embedding_dim: count.nullish(),
  conv_in_kernel: fewCount.default(3),
  conv_out_kernel: fewCount.default(3),
  // Only read by a mid block that is refused above.
  mid_block_only_cross_attention: z.boolean().nullish(),
  addition_embed_type_num_heads: z.number().optional(),
  // Other networks' fields: their neutral value, or nothing.
  dropout: only(0),
  num_attention_heads: only(null),
  dual_cross_attention: only(false),
  encoder_hid_dim: only(null),
  encoder_hid_dim_type: only(null),
  class_embed_type: only(null),
  class_embeddings_concat: only(false),
  num_class_embeds: only(null),
  projection_class_embeddings_input_dim: only(null),
  addition_embed_type: only(null),
  addition_time_embed_dim: only(null),
  resnet_skip_time_act: only(false),
  resnet_out_scale_factor: only(1),
  time_embedding_type: only('positional'),
  time_embedding_act_fn: only(null),
  timestep_post_act: only(null),
  time_cond_proj_dim: only(null),
  attention_type: only('default'),
  cross_attention_norm: only(null),
});

type Fields = z.output<typeof fields>;

/** Checks that need several fields at once. */
const checked = fields.superRefine((config, context) => {
  const levels = config.block_out_channels.length;
  const refuse = (field: keyof Fields, allowed: string): void =>
    context.addIssue({ code: 'custom', path: [field], message: allowed });
  const lists = [
    'down_block_types',
    'up_block_types',
    'only_cross_attention',
    'layers_per_block',
    'cross_attention_dim',
    'transformer_layers_per_block',
    'reverse_transformer_layers_per_block',
    'attention_head_dim',
  ] as const;
  for (const field of lists) {
    const value = config[field];
    if (Array.isArray(value) && value.length !== levels) refuse(field, `${levels} entries, one a level`);
  }
  const nested =
    Array.isArray(config.transformer_layers_per_block) &&
    config.transformer_layers_per_block.some(Array.isArray);
  if (nested && !config.reverse_transformer_layers_per_block) {
    refuse(
      'reverse_transformer_layers_per_block',
      'a list, as transformer_layers_per_block is a list of lists',
    );
  }
  for (const channels of config.block_out_channels) {
    if (channels % config.norm_num_groups !== 0)
      refuse('norm_num_groups', `a divisor of ${channels} channels`);
  }
  spread(config.attention_head_dim, levels).forEach((heads, level) => {
    const channels = config.block_out_channels[level] ?? 0;
    if (channels % heads !== 0)
      refuse('attention_head_dim', `a divisor of ${channels} channels (it is the number of heads)`);
  });
  // SD 2.x has 16; every one is traced before anything else is known of the model
  const blocks = levelsOf(config).reduce(
    (sum, { layers, depth }) => sum + (layers + 1) * Math.max(...[depth].flat()),
    0,
  );
  if (blocks > 1000) refuse('transformer_layers_per_block', 'at most 1000 transformer blocks');
  if (config.conv_in_kernel % 2 === 0) refuse('conv_in_kernel', 'an odd number');
  if (config.conv_out_kernel % 2 === 0) refuse('conv_out_kernel', 'an odd number');
});

/**
 * Reads a UNet's config.
 * @throws WeightsError naming every field that is refused
 */
export function parseUNetConfig(json: unknown, where = 'unet/config.json'): UNetConfig {
  const config = parseConfig(checked, json, where);
  const levels = config.block_out_channels.length;
  const rows = levelsOf(config);
  const down = rows.map((row, level) => ({
    channels: row.channels,
    resnets: row.layers,
    attention:
      config.down_block_types[level] === 'CrossAttnDownBlock2D'
        ? attention(row, row.depth, row.layers)
        : null,
    resample: level < levels - 1,
  }));
  const upDepths = config.reverse_transformer_layers_per_block;
  const up = rows.toReversed().map((row, level) => ({
    channels: row.channels,
    resnets: row.layers + 1,
    attention:
      config.up_block_types[level] === 'CrossAttnUpBlock2D'
        ? attention(row, upDepths?.[level] ?? row.depth, row.layers + 1)
        : null,
    resample: level < levels - 1,
  }));
  const channels = config.block_out_channels[0] ?? 0;
  return {
    inChannels: config.in_channels,
    outChannels: config.out_channels,
    sampleSize: Array.isArray(config.sample_size) ? config.sample_size[0] : (config.sample_size ?? undefined),
    activation: config.act_fn,
    normGroups: config.norm_num_groups,
    normEps: config.norm_eps,
    linearProjections: config.use_linear_projection,
    centerInput: config.center_input_sample,
    convInKernel: config.conv_in_kernel,
    convOutKernel: config.conv_out_kernel,
    downsamplePadding: config.downsample_padding,
    timeScaleShift: config.resnet_time_scale_shift === 'scale_shift',
    time: {
      channels,
      width: config.time_embedding_dim ?? channels * 4,
      cosFirst: config.flip_sin_to_cos,
      freqShift: config.freq_shift,
    },
    down,
    mid: midBlock(config, rows),
    up,
  };
}

interface Level {
  readonly channels: number;
  readonly layers: number;
  readonly heads: number;
  readonly crossAttentionDim: number;
  readonly onlyCrossAttention: boolean;
  readonly depth: number | readonly number[];
}

function levelsOf(config: Fields): Level[] {
  const levels = config.block_out_channels.length;
  const layers = spread(config.layers_per_block, levels);
  const heads = spread(config.attention_head_dim, levels);
  const widths = spread(config.cross_attention_dim, levels);
  const onlyCross = spread(config.only_cross_attention, levels);
  const depths = spread<number | number[]>(config.transformer_layers_per_block, levels);
  return config.block_out_channels.map((channels, level) => ({
    channels,
    layers: layers[level] ?? 1,
    heads: heads[level] ?? 1,
    crossAttentionDim: widths[level] ?? 0,
    onlyCrossAttention: onlyCross[level] ?? false,
    depth: depths[level] ?? 1,
  }));
}

function midBlock(config: Fields, rows: readonly Level[]): UNetConfig['mid'] {
  const last = rows.at(-1);
  if (config.mid_block_type === null || last === undefined) return null;
  const withAttention = config.mid_block_type === 'UNetMidBlock2DCrossAttn';
  return {
    channels: last.channels,
    resnets: withAttention ? 2 : 1,
    attention: withAttention ? { ...attention(last, last.depth, 1), onlyCrossAttention: false } : null,
    resample: false,
    scale: config.mid_block_scale_factor,
  };
}

function attention(row: Level, depth: Level['depth'], resnets: number): AttentionSettings {
  const depths = typeof depth === 'number' ? Array.from({ length: resnets }, () => depth) : depth;
  const { heads, onlyCrossAttention, crossAttentionDim } = row;
  return { heads, depths, onlyCrossAttention, crossAttentionDim };
}

function spread<T>(value: T | readonly T[], levels: number): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : Array.from({ length: levels }, () => value as T);
}
