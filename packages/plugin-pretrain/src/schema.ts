// Settings of pretraining: a file (.ts, .yaml, .json) names the data and the model, and says how each network trains.
// Defaults are those the bundled model was made with.
import { z } from 'zod';
import { classifierSchema, imageEncoderSchema, imageTextSchema } from './encoderSchema.ts';
import type { ClassifierConfig, ImageEncoderConfig, ImageTextConfig } from './encoderSchema.ts';
import { nonNegative, option, positive, positiveInt, trainingFields } from './trainingFields.ts';

export const vaeSchema = z.strictObject({
  ...trainingFields({
    batchSize: 32,
    learningRate: 1e-3,
    adamBeta2: 0.99,
    adamWeightDecay: 0,
    emaDecay: 0.999,
  }),
  cropSizePx: option(
    positiveInt.optional(),
    'train on random squares of so many pixels; default: whole pictures',
  ),
  wholeShare: option(
    z.number().min(0).max(1).default(0.2),
    'share of the steps, at the end, on whole pictures instead of squares',
  ),
  decoderOnly: option(z.boolean().default(false), 'train the decoder alone: latents stay what they are'),
  latentNoise: option(
    nonNegative.optional(),
    'noise on the latents; default: drawn from the posterior, with decoderOnly 0',
  ),
  l1Weight: option(nonNegative.default(1), 'weight of the absolute difference'),
  gradientWeight: option(
    nonNegative.default(1),
    'weight of the absolute difference of neighbouring pixels’ differences',
  ),
  mseWeight: option(nonNegative.default(2), 'weight of the squared difference'),
  klWeight: option(nonNegative.default(1e-3), 'weight of the divergence of latents from a standard normal'),
});

export const textEncoderSchema = z.strictObject({
  ...trainingFields({
    batchSize: 64,
    learningRate: 1e-3,
    adamBeta2: 0.99,
    adamWeightDecay: 1e-2,
    emaDecay: 0.99,
  }),
  objective: option(
    z.enum(['contrastive', 'captions']).default('contrastive'),
    'contrastive: match captions and pictures; captions: predict what a caption says, on text alone',
  ),
  columns: option(
    z.array(z.string().min(1)).optional(),
    'columns of the data to predict; default: those whose values captions say, else the words of captions',
  ),
  imageTowerWidth: option(
    positiveInt.default(32),
    'channels of the first layer of the picture network (contrastive)',
  ),
  embeddingWidth: option(positiveInt.default(64), 'width of the space both meet in (contrastive)'),
});

export const unetSchema = z.strictObject({
  ...trainingFields({
    batchSize: 64,
    learningRate: 7e-4,
    adamBeta2: 0.99,
    adamWeightDecay: 1e-2,
    emaDecay: 0.999,
  }),
  captionDropout: option(z.number().min(0).max(1).default(0.1), 'share of captions left out, for guidance'),
  trainTextEncoder: option(z.boolean().default(false), 'train the text encoder as well, through the noise'),
  textEncoderLearningRate: option(
    positive.optional(),
    'learning rate of the text encoder; default: the same as the rest',
  ),
  snrGamma: option(positive.optional(), 'Min-SNR weighting of timesteps (5 is usual); default: off'),
  timestepBiasMultiplier: option(
    positive.default(1),
    'how many times as often as others the timesteps from timestepBiasBegin to timestepBiasEnd are drawn',
  ),
  timestepBiasBegin: option(z.int().nonnegative().default(0), 'the first timestep drawn more often'),
  timestepBiasEnd: option(
    positiveInt.optional(),
    'the timestep after the last one drawn more often; default: to the end',
  ),
  wrongBy: option(
    z.string().min(1).optional(),
    'column whose word is exchanged in the wrong captions of measures; default: noun, else another picture’s caption',
  ),
  measureTimesteps: option(
    z.array(z.int().nonnegative()).min(1).default([250, 500, 850]),
    'timesteps at which true and wrong captions are compared',
  ),
});

const modelSchema = z.strictObject({
  from: option(
    z.string().min(1).optional(),
    'folder of diffusers config files, with weights or without; or a model',
  ),
  random: option(
    z.array(z.enum(['unet', 'vae', 'text_encoder'])).optional(),
    'components whose weights start at random; default: those without weights',
  ),
  config: option(
    z
      .partialRecord(
        z.enum(['unet', 'vae', 'text_encoder', 'scheduler', 'tokenizer']),
        z.record(z.string(), z.unknown()),
      )
      .default({}),
    'fields of config files, over those of `from`',
  ),
  tokenizer: option(
    z.string().min(1).optional(),
    'folder of a CLIP tokenizer; default: that of `from`, else CLIP’s',
  ),
});

export const pretrainSchema = z.strictObject({
  data: option(
    z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
    'folders of captioned pictures: picture.png + picture.txt, or metadata.jsonl',
  ),
  model: option(
    z.union([z.string().min(1), modelSchema]).optional(),
    'the model to begin with; encoders have none',
  ),
  resolution: option(positiveInt.optional(), "side of the pictures in pixels; default: the model's"),
  heldOutShare: option(
    z.number().min(0).lt(1).default(0.02),
    'share of the pictures that is only measured on',
  ),
  heldOutBy: option(
    z.string().min(1).optional(),
    'column whose equal values stay together, training or held out; default: equal pictures do',
  ),
  measurePictures: option(positiveInt.default(256), 'held-out pictures a measure looks at'),
  seed: option(z.int().nonnegative().default(0), 'seed of everything that is random'),

  mode: option(z.enum(['auto', 'xla', 'graph', 'eager']).default('auto'), 'how steps run'),
  threads: option(positiveInt.optional(), 'threads of a step; default: the physical cores'),
  mixedPrecision: option(
    z.enum(['no', 'bf16']).default('no'),
    'compute matrix products and convolutions in bfloat16',
  ),

  checkpointMinutes: option(nonNegative.default(10), 'a checkpoint every so many minutes, and at the end'),
  checkpointsTotalLimit: option(positiveInt.default(2), 'how many checkpoints are kept'),
  measureMinutes: option(nonNegative.default(5), 'measure on held-out pictures every so many minutes'),
  sampleMinutes: option(nonNegative.default(10), 'sample pictures every so many minutes'),
  samplePrompts: option(
    z.array(z.string().min(1)).optional(),
    'prompts of samples; default: held-out captions',
  ),
  numSamples: option(positiveInt.default(4), 'pictures of each prompt'),
  sampler: option(z.string().min(1).optional(), "sampler; default: the model's"),
  numInferenceSteps: option(positiveInt.default(20), 'steps of the sampler'),
  guidanceScale: option(nonNegative.default(4), 'how strongly pictures follow their prompt'),

  exportDtype: option(z.enum(['fp32', 'fp16', 'bf16']).default('fp32'), 'number type of exported weights'),
  exportFormat: option(
    z.enum(['diffusers', 'ldm']).default('diffusers'),
    'a diffusers folder, or a single file',
  ),
  outputDir: option(z.string().min(1).optional(), "the run's folder"),
  cacheDir: option(z.string().min(1).optional(), 'folder for what can be made again; default: one per user'),
  resume: option(z.string().min(1).optional(), 'go on from a checkpoint: latest, or its folder'),

  vae: option(vaeSchema.prefault({}), 'how the autoencoder trains'),
  textEncoder: option(textEncoderSchema.prefault({}), 'how the text encoder trains'),
  unet: option(unetSchema.prefault({}), 'how the noise predictor trains'),
  imageEncoder: option(imageEncoderSchema.prefault({}), 'how the encoder of individuals trains'),
  imageText: option(imageTextSchema.prefault({}), 'how the encoder of pictures and captions trains'),
  classifier: option(classifierSchema.prefault({}), 'how the classifier trains'),
});

/** What a config file may hold. */
export type PretrainConfigInput = z.input<typeof pretrainSchema>;
export type VaeConfig = z.output<typeof vaeSchema>;
export type TextEncoderConfig = z.output<typeof textEncoderSchema>;
export type UNetConfig = z.output<typeof unetSchema>;
/** What every network's training has. */
export type TrainingConfig =
  VaeConfig | TextEncoderConfig | UNetConfig | ImageEncoderConfig | ImageTextConfig | ClassifierConfig;

/** Types a config file: `export default definePretrainConfig({ … })`. */
export const definePretrainConfig = (config: PretrainConfigInput): PretrainConfigInput => config;
