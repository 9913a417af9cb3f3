// `config.json` of transformers' `CLIPModel`: two towers and the width they meet in.
// Names and defaults: transformers, models/clip/configuration_clip.py.
import { count, only, parseClipTextConfig, parseConfig } from '@likeness/stable-diffusion';
import type { ClipLayerConfig, ClipTextConfig } from '@likeness/stable-diffusion';
import { z } from 'zod';
import { ENCODER_HINT, withoutBookkeeping } from './bookkeeping.ts';

export interface ClipVisionConfig extends ClipLayerConfig {
  readonly layers: number;
  /** Side of the pictures it takes, pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
}

export interface ClipModelConfig {
  readonly vision: ClipVisionConfig;
  readonly text: ClipTextConfig;
  /** Width both towers are projected to. */
  readonly projectionSize: number;
}

const vision = z
  .strictObject({
    hidden_size: count.default(768),
    intermediate_size: count.default(3072),
    num_hidden_layers: count.default(12),
    num_attention_heads: count.default(12),
    image_size: count.default(224),
    patch_size: count.default(32),
    num_channels: only(3),
    hidden_act: z.enum(['quick_gelu', 'gelu']).default('quick_gelu'),
    layer_norm_eps: z.number().positive().default(1e-5),
    attention_dropout: only(0),
    dropout: only(0),
    model_type: z.unknown().optional(),
    bos_token_id: z.unknown().optional(),
    eos_token_id: z.unknown().optional(),
    // The whole model's counts.
    projection_dim: z.unknown().optional(),
  })
  .superRefine((config, context) => {
    if (config.hidden_size % config.num_attention_heads !== 0) {
      const message = `a divisor of hidden_size ${config.hidden_size}`;
      context.addIssue({ code: 'custom', path: ['num_attention_heads'], message });
    }
    if (config.image_size % config.patch_size !== 0) {
      const message = `a divisor of image_size ${config.image_size}`;
      context.addIssue({ code: 'custom', path: ['patch_size'], message });
    }
  });

const tower = z.record(z.string(), z.unknown()).default({});
const fields = z.strictObject({
  model_type: z.literal('clip'),
  projection_dim: count.default(512),
  text_config: tower,
  vision_config: tower,
  // Where training began.
  logit_scale_init_value: z.unknown().optional(),
  // Older files say each tower twice; what counts is the above.
  text_config_dict: z.unknown().optional(),
  vision_config_dict: z.unknown().optional(),
});

/**
 * Reads a CLIP model's config.
 * @throws WeightsError naming every field that is refused
 */
export function parseClipModelConfig(json: unknown, where: string): ClipModelConfig {
  const config = parseConfig(fields, withoutBookkeeping(json), where, ENCODER_HINT);
  const tower = parseConfig(
    vision,
    withoutBookkeeping(config.vision_config),
    `${where}: vision_config`,
    ENCODER_HINT,
  );
  return {
    projectionSize: config.projection_dim,
    text: parseClipTextConfig(withoutBookkeeping(config.text_config), `${where}: text_config`),
    vision: {
      hiddenSize: tower.hidden_size,
      intermediateSize: tower.intermediate_size,
      layers: tower.num_hidden_layers,
      heads: tower.num_attention_heads,
      imageSize: tower.image_size,
      patchSize: tower.patch_size,
      activation: tower.hidden_act,
      layerNormEps: tower.layer_norm_eps,
    },
  };
}
