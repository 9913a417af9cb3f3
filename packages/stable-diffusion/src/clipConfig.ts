// `text_encoder/config.json` of a diffusers folder.
// Names and defaults: transformers, models/clip/configuration_clip.py (`CLIPTextConfig`).
import { z } from 'zod';
import { count, fewCount, only, parseConfig } from './config.ts';
import type { ActivationName } from './layers.ts';

export interface ClipTextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Rows of the position table: the longest prompt, in tokens. */
  readonly maxPositions: number;
  readonly activation: ActivationName;
  readonly layerNormEps: number;
  /** The pooled output is the state at this id's first position; 2 stands for the highest id (older published files). */
  readonly eosTokenId: number;
}

// What transformers writes beside the network's own fields: training-time settings and bookkeeping.
const ignored = [
  'architectures',
  'bos_token_id',
  'dtype',
  'initializer_factor',
  'initializer_range',
  'model_type',
  'pad_token_id',
  'projection_dim', // a projection after pooling, which Stable Diffusion's text encoder has no weights for
  'return_dict',
  'output_hidden_states',
  'output_attentions',
  'tie_word_embeddings',
  'torch_dtype',
  'torchscript',
  'transformers_version',
  'use_bfloat16',
  'use_cache',
  '_name_or_path',
  '_commit_hash',
  '_attn_implementation_autoset',
] as const;

const fields = z
  .strictObject({
    ...Object.fromEntries(ignored.map((field) => [field, z.unknown().optional()])),
    vocab_size: count.default(49408),
    hidden_size: count.default(512),
    intermediate_size: count.default(2048),
    num_hidden_layers: fewCount.default(12),
    num_attention_heads: count.default(8),
    max_position_embeddings: count.max(100_000).default(77),
    hidden_act: z.enum(['quick_gelu', 'gelu']).default('quick_gelu'),
    layer_norm_eps: z.number().positive().default(1e-5),
    eos_token_id: z.int().nonnegative().default(49407),
    attention_dropout: only(0),
    dropout: only(0),
  })
  .superRefine((config, context) => {
    if (config.hidden_size % config.num_attention_heads !== 0) {
      const message = `a divisor of hidden_size ${config.hidden_size}`;
      context.addIssue({ code: 'custom', path: ['num_attention_heads'], message });
    }
  });

/**
 * Reads a text encoder's config.
 * @throws WeightsError naming every field that is refused
 */
export function parseClipTextConfig(json: unknown, where = 'text_encoder/config.json'): ClipTextConfig {
  const config = parseConfig(fields, json, where);
  return {
    vocabSize: config.vocab_size,
    hiddenSize: config.hidden_size,
    intermediateSize: config.intermediate_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    maxPositions: config.max_position_embeddings,
    activation: config.hidden_act,
    layerNormEps: config.layer_norm_eps,
    eosTokenId: config.eos_token_id,
  };
}
