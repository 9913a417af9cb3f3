// Settings of the encoders' training: what a picture shows again, what a caption says of it, which labels it has.
// Defaults are those the judges that come along were made with.
import { z } from 'zod';
import { option, positive, positiveInt, trainingFields } from './trainingFields.ts';

const share = z.number().min(0).max(1);

const defaults = {
  batchSize: 256,
  learningRate: 1e-3,
  adamBeta2: 0.98,
  adamWeightDecay: 0.05,
  emaDecay: 0.998,
};

/** Fields of transformers' config.json over the defaults of a network. */
function networkConfig(own: Readonly<Record<string, unknown>>) {
  return z
    .record(z.string(), z.unknown())
    .default({})
    .transform((fields): Record<string, unknown> => mergeFields(own, fields));
}

/** Fields of towers one by one. */
function mergeFields(
  own: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const merged: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(fields)) {
    const before = merged[key];
    merged[key] = isObject(before) && isObject(value) ? mergeFields(before, value) : value;
  }
  return merged;
}

const SMALL_VIT = {
  model_type: 'vit',
  hidden_size: 192,
  intermediate_size: 768,
  num_hidden_layers: 6,
  num_attention_heads: 3,
  image_size: 64,
  patch_size: 8,
  layer_norm_eps: 1e-6,
};

const { model_type: _type, layer_norm_eps: _eps, ...tower } = SMALL_VIT;
const SMALL_CLIP = {
  model_type: 'clip',
  projection_dim: 128,
  vision_config: tower,
  text_config: {
    hidden_size: 128,
    intermediate_size: 512,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    max_position_embeddings: 32,
  },
};

const from = option(
  z.string().min(1).optional(),
  'folder of an encoder to go on from, in transformers’ layout; default: random weights',
);

export const imageEncoderSchema = z.strictObject({
  ...trainingFields({ ...defaults, lrWarmupSteps: 300, lrHoldShare: 0.2 }),
  from,
  config: option(networkConfig(SMALL_VIT), 'fields of transformers’ config.json (ViTModel)'),
  identity: option(
    z.array(z.string().min(1)).min(1).default(['drawing', 'colour']),
    'columns that say which pictures show the same individual; those that agree in the first one alone are left apart',
  ),
  kind: option(
    z.string().min(1).default('noun'),
    'column of what individuals of a kind have in common: told apart within a batch',
  ),
  picturesOfEach: option(z.int().min(2).default(4), 'pictures of an individual in a batch'),
  individualsOfKind: option(z.int().min(1).default(4), 'individuals of a kind in a batch'),
  recolourShare: option(
    share.default(0.6),
    'share of the kinds of a batch that are shown in other colours: other individuals, then',
  ),
  temperature: option(positive.default(0.1), 'what cosines are divided by'),
});

export const imageTextSchema = z.strictObject({
  ...trainingFields({ ...defaults, lrWarmupSteps: 300, lrHoldShare: 0.2 }),
  from,
  config: option(networkConfig(SMALL_CLIP), 'fields of transformers’ config.json (CLIPModel)'),
  tokenizer: option(
    z.string().min(1).optional(),
    'folder of a CLIP tokenizer; default: the one that comes along',
  ),
  vocabularySize: option(
    positiveInt.default(4096),
    'tokens of the tokenizer that are kept, the most frequent first',
  ),
});

export const classifierSchema = z.strictObject({
  ...trainingFields({ ...defaults, lrWarmupSteps: 300, lrHoldShare: 0.2 }),
  from,
  config: option(networkConfig(SMALL_VIT), 'fields of transformers’ config.json (ViTForImageClassification)'),
  columns: option(
    z.array(z.string().min(1)).min(1).default(['noun', 'scene', 'colour']),
    'columns of the data to tell',
  ),
});

export type ImageEncoderConfig = z.output<typeof imageEncoderSchema>;
export type ImageTextConfig = z.output<typeof imageTextSchema>;
export type ClassifierConfig = z.output<typeof classifierSchema>;
