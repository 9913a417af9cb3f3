// `config.json` of vision transformers as transformers writes them: `ViTModel` (DINO), `Dinov2Model`, with registers or
// without. Names and defaults: transformers, models/{vit,dinov2,dinov2_with_registers}/configuration_*.py.
import { count, only, parseConfig, type ActivationName } from '@likeness/stable-diffusion';
import { z } from 'zod';
import { ENCODER_HINT, withoutBookkeeping } from './bookkeeping.ts';

export interface VitConfig {
  readonly modelType: 'vit' | 'dinov2' | 'dinov2_with_registers';
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Side of the pictures it was trained on, pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly activation: ActivationName;
  readonly layerNormEps: number;
  readonly qkvBias: boolean;
  /** Tokens behind the class token that have no position. */
  readonly registers: number;
}

const shared = {
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  image_size: count.default(224),
  patch_size: count.default(16),
  num_channels: only(3),
  hidden_act: z.enum(['gelu', 'quick_gelu', 'relu', 'silu']).default('gelu'),
  qkv_bias: z.boolean().default(true),
  hidden_dropout_prob: only(0),
  attention_probs_dropout_prob: only(0),
};

const vit = z.strictObject({
  ...shared,
  model_type: z.literal('vit'),
  intermediate_size: count.default(3072),
  layer_norm_eps: z.number().positive().default(1e-12),
  // Of heads that are not computed here.
  encoder_stride: z.unknown().optional(),
  pooler_act: z.unknown().optional(),
  pooler_output_size: z.unknown().optional(),
});

const dinov2Fields = {
  ...shared,
  layer_norm_eps: z.number().positive().default(1e-6),
  image_size: count.default(518),
  patch_size: count.default(14),
  mlp_ratio: z.number().positive().default(4),
  use_swiglu_ffn: only(false),
  // A first value, training settings, and fields of backbones.
  layerscale_value: z.unknown().optional(),
  drop_path_rate: z.unknown().optional(),
  apply_layernorm: z.unknown().optional(),
  reshape_hidden_states: z.unknown().optional(),
  out_features: z.unknown().optional(),
  out_indices: z.unknown().optional(),
  stage_names: z.unknown().optional(),
  use_mask_token: z.unknown().optional(),
};
const dinov2 = z.strictObject({ ...dinov2Fields, model_type: z.literal('dinov2') });
const withRegisters = z.strictObject({
  ...dinov2Fields,
  model_type: z.literal('dinov2_with_registers'),
  num_register_tokens: z.int().nonnegative().default(4),
  interpolate_antialias: only(true),
  interpolate_offset: only(0),
});

const fields = z
  .discriminatedUnion('model_type', [vit, dinov2, withRegisters])
  .superRefine((config, context) => {
    const whole = (path: string, value: number, by: number, of: string): void => {
      if (value % by === 0) return;
      context.addIssue({ code: 'custom', path: [path], message: `a divisor of ${of} ${value}` });
    };
    whole('num_attention_heads', config.hidden_size, config.num_attention_heads, 'hidden_size');
    whole('patch_size', config.image_size, config.patch_size, 'image_size');
  });

/**
 * Reads a vision transformer's config.
 * @throws WeightsError naming every field that is refused
 */
export function parseVitConfig(json: unknown, where: string): VitConfig {
  const config = parseConfig(fields, withoutBookkeeping(json), where, ENCODER_HINT);
  return {
    modelType: config.model_type,
    hiddenSize: config.hidden_size,
    intermediateSize:
      config.model_type === 'vit'
        ? config.intermediate_size
        : Math.trunc(config.hidden_size * config.mlp_ratio),
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    imageSize: config.image_size,
    patchSize: config.patch_size,
    activation: config.hidden_act,
    layerNormEps: config.layer_norm_eps,
    qkvBias: config.qkv_bias,
    registers: config.model_type === 'dinov2_with_registers' ? config.num_register_tokens : 0,
  };
}
