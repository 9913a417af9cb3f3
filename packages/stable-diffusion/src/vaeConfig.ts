// `vae/config.json` of a diffusers folder.
// Names and defaults: diffusers, models/autoencoders/autoencoder_kl.py (`AutoencoderKL.__init__`).
import { z } from 'zod';
import { bookkeeping, count, fewCount, only, parseConfig } from './config.ts';
import type { ActivationName } from './layers.ts';

export interface VaeConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  /** Channels per level, from full resolution down; every level but the last halves the side. */
  readonly channels: readonly number[];
  readonly layersPerBlock: number;
  readonly activation: ActivationName;
  readonly normGroups: number;
  readonly midAttention: boolean;
  readonly quantConv: boolean;
  readonly postQuantConv: boolean;
  /** Training latents are `(latents - shiftFactor) * scalingFactor`. */
  readonly scalingFactor: number;
  readonly shiftFactor: number;
  /** Side of the pictures it was trained on. */
  readonly sampleSize: number | undefined;
}

const fields = z
  .strictObject({
    ...bookkeeping,
    _class_name: only('AutoencoderKL'),
    in_channels: count.default(3),
    out_channels: count.default(3),
    down_block_types: z.array(z.literal('DownEncoderBlock2D')).min(1).default(['DownEncoderBlock2D']),
    up_block_types: z.array(z.literal('UpDecoderBlock2D')).min(1).default(['UpDecoderBlock2D']),
    block_out_channels: z.array(count.max(65_536)).min(1).max(16).default([64]),
    layers_per_block: fewCount.default(1),
    act_fn: z.enum(['silu', 'swish', 'gelu', 'relu']).default('silu'),
    latent_channels: count.default(4),
    norm_num_groups: count.default(32),
    sample_size: z.union([count.max(65_536), z.tuple([count.max(65_536), count.max(65_536)])]).nullish(),
    scaling_factor: z.number().positive().default(0.18215),
    shift_factor: z.number().nullish(),
    latents_mean: only(null),
    latents_std: only(null),
    // A choice of precision inside half-precision runs; the autoencoder is float32 here in any case.
    force_upcast: z.union([z.boolean(), z.number()]).nullish(),
    use_quant_conv: z.boolean().default(true),
    use_post_quant_conv: z.boolean().default(true),
    mid_block_add_attention: z.boolean().default(true),
  })
  .superRefine((config, context) => {
    const levels = config.block_out_channels.length;
    for (const field of ['down_block_types', 'up_block_types'] as const) {
      if (config[field].length !== levels) {
        context.addIssue({ code: 'custom', path: [field], message: `${levels} entries, one a level` });
      }
    }
    for (const channels of config.block_out_channels) {
      if (channels % config.norm_num_groups !== 0) {
        context.addIssue({
          code: 'custom',
          path: ['norm_num_groups'],
          message: `a divisor of ${channels} channels`,
        });
      }
    }
  });

/**
 * Reads an autoencoder's config.
 * @throws WeightsError naming every field that is refused
 */
export function parseVaeConfig(json: unknown, where = 'vae/config.json'): VaeConfig {
  const config = parseConfig(fields, json, where);
  return {
    inChannels: config.in_channels,
    outChannels: config.out_channels,
    latentChannels: config.latent_channels,
    channels: config.block_out_channels,
    layersPerBlock: config.layers_per_block,
    activation: config.act_fn,
    normGroups: config.norm_num_groups,
    midAttention: config.mid_block_add_attention,
    quantConv: config.use_quant_conv,
    postQuantConv: config.use_post_quant_conv,
    scalingFactor: config.scaling_factor,
    shiftFactor: config.shift_factor ?? 0,
    sampleSize: Array.isArray(config.sample_size) ? config.sample_size[0] : (config.sample_size ?? undefined),
  };
}
