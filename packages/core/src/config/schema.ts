// Every option of a run that belongs to no plugin. Names are diffusers' in camelCase; flags follow from them
// (`maxTrainSteps` → `--max-train-steps`). Defaults: diffusers' DreamBooth for Stable Diffusion 1.5; plugins and models
// put theirs on top (see `resolveConfig.ts`).
import { z } from 'zod';
import { LEARNING_RATE_SCHEDULES } from '../optimizer/lrSchedule.ts';

const positiveInt = z.int().positive();

/** Facts a flag needs beyond the schema: `.meta({ description, flag?, placeholder? })`. */
function option<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
  more: { flag?: string; placeholder?: string } = {},
): Schema {
  return schema.meta({ description, ...more });
}

export const OPTIMIZERS = ['adamw', 'adam', 'sgd'] as const;

export const configSchema = z.strictObject({
  // what is taught to which model
  recipe: option(z.string().min(1).default('dreambooth+ppl'), 'methods of the run, joined by +'),
  plugins: option(
    z.array(z.unknown()).default([]),
    'further plugins: names or paths (in a config file also the plugins themselves)',
    { flag: 'plugin' },
  ),
  pluginOptions: option(
    z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
    'options of each plugin, by its name',
  ),
  pretrainedModel: option(
    z.string().min(1).default('doodle'),
    'model folder, single file, Hub id, or doodle (comes along)',
  ),
  predictionType: option(
    z.enum(['epsilon', 'v_prediction', 'sample']).optional(),
    'what the model predicts, where its file does not say it or is wrong',
  ),
  subject: option(z.string().min(1).optional(), 'example subject that comes along: pictures and class noun'),
  instanceDataDir: option(
    z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
    'folder with pictures of the subject, or the pictures',
  ),
  instancePrompt: option(
    z.string().min(1).optional(),
    'prompt of the subject; default "a photo of IDENTIFIER CLASS"',
  ),
  identifier: option(z.string().min(1).default('sks'), 'rare word that will name the subject'),
  classNoun: option(z.string().min(1).optional(), 'what the subject is: dog, backpack'),
  classPrompt: option(z.string().min(1).optional(), 'prompt of the class; default "a photo of a CLASS"'),

  // pictures
  resolution: option(positiveInt.optional(), "side of the training pictures in pixels; default: the model's"),
  centerCrop: option(
    z.boolean().default(true),
    'cut the middle out of pictures that are not square, instead of a random part',
  ),
  randomFlip: option(z.boolean().default(false), 'mirror pictures at random'),
  alpha: option(
    z.enum(['flatten', 'drop']).default('flatten'),
    'transparent pictures: flatten onto the background, or drop the channel',
  ),
  background: option(
    z
      .string()
      .regex(/^#[0-9a-f]{6}$/i, 'a colour like #ffffff')
      .default('#ffffff'),
    'colour behind transparent pictures',
  ),
  captions: option(z.boolean().default(true), 'use the .txt beside a picture as its prompt'),

  // training
  trainBatchSize: option(positiveInt.default(1), 'instance pictures a step'),
  gradientAccumulationSteps: option(
    positiveInt.default(1),
    'batches whose gradients are averaged for one step',
  ),
  maxTrainSteps: option(positiveInt.default(400), 'optimizer steps'),
  learningRate: option(z.number().positive().default(5e-6), 'learning rate'),
  scaleLr: option(
    z.boolean().default(false),
    'multiply the learning rate by batch size and accumulated batches',
  ),
  lrScheduler: option(z.enum(LEARNING_RATE_SCHEDULES).default('constant'), 'how the learning rate changes'),
  lrWarmupSteps: option(z.int().nonnegative().default(0), 'steps in which the learning rate grows from 0'),
  lrNumCycles: option(positiveInt.default(1), 'restarts of cosine_with_restarts'),
  lrPower: option(z.number().positive().default(1), 'exponent of polynomial'),
  lrStepRules: option(z.string().min(1).optional(), 'factors of piecewise_constant: 1:100,0.1:200,0.01'),
  optimizer: option(z.enum(OPTIMIZERS).default('adamw'), 'optimizer'),
  adamBeta1: option(z.number().min(0).lt(1).default(0.9), 'decay of the mean of gradients'),
  adamBeta2: option(z.number().min(0).lt(1).default(0.999), 'decay of the mean of squared gradients'),
  adamWeightDecay: option(z.number().nonnegative().default(1e-2), 'weight decay'),
  adamEpsilon: option(z.number().positive().default(1e-8), 'added to the denominator'),
  maxGradNorm: option(z.number().nonnegative().default(1), 'clip gradients to this global norm; 0: never'),
  snrGamma: option(
    z.number().positive().optional(),
    'Min-SNR weighting of timesteps (5 is usual); default: off',
  ),
  noiseOffset: option(z.number().nonnegative().default(0), 'share of noise that is constant over a picture'),
  inputPerturbation: option(z.number().nonnegative().default(0), 'extra noise on the input only'),
  mixedPrecision: option(
    z.enum(['no', 'bf16']).default('no'),
    'compute matrix products and convolutions in bfloat16',
  ),
  baseWeights: option(
    z.enum(['fp32', 'bf16']).default('fp32'),
    'how weights that do not train are held: bf16 takes half the memory (adapters, new words)',
  ),
  gradientCheckpointing: option(z.boolean().default(false), 'recompute activations: less memory, more time'),
  emaDecay: option(
    z.number().gt(0).lt(1).optional(),
    'export the moving average of the weights (0.9999 is usual); default: off',
  ),

  // going on, repeating
  checkpointingSteps: option(positiveInt.default(500), 'a checkpoint every so many steps'),
  checkpointsTotalLimit: option(positiveInt.optional(), 'keep only so many checkpoints; default: all'),
  resume: option(z.string().min(1).optional(), 'go on from a checkpoint: latest, or its folder'),
  seed: option(z.int().nonnegative().default(0), 'seed of everything that is random'),
  rng: option(
    z.enum(['philox', 'torch']).default('philox'),
    "first latents of samples: ours, or torch's CPU generator",
  ),
  mode: option(
    z.enum(['auto', 'xla', 'graph', 'eager']).default('auto'),
    'how steps run; auto decides from the number of steps',
  ),
  threads: option(positiveInt.optional(), 'threads of a step; default: the physical cores'),

  // samples
  samples: option(z.boolean().default(true), 'pictures at step 0, while training and at the end'),
  samplePrompts: option(
    z.array(z.string().min(1)).optional(),
    'prompt of sample pictures; default: instance and class prompts',
    { flag: 'sample-prompt' },
  ),
  sampleEverySteps: option(positiveInt.default(100), 'sample pictures every so many steps'),
  numSamples: option(positiveInt.default(2), 'pictures for each sample prompt'),
  sampler: option(z.string().min(1).optional(), "sampler; default: the model's"),
  numInferenceSteps: option(positiveInt.default(25), 'steps of a sampler'),
  guidanceScale: option(z.number().nonnegative().default(7.5), 'how strongly pictures follow their prompt'),

  watch: option(
    z.boolean().default(false),
    'judge samples while training: warn of memorised pictures, saturation and drift',
  ),
  watchJudge: option(
    z.string().min(1).optional(),
    'folder of the ViT or DINOv2 that judges; default: the one that comes along with the bundled model',
  ),
  maxDrift: option(
    z.number().positive().default(0.2),
    'with watch: warn when pictures of other prompts drift further from the base model’s',
  ),
  earlyStop: option(
    z.string().min(1).optional(),
    'end training when one of these holds of the samples: "dino>=dinoOfReferences, drift>0.2"',
  ),

  // results
  exportDtype: option(z.enum(['fp32', 'fp16', 'bf16']).default('fp32'), 'number type of exported weights'),
  exportFormat: option(
    z.enum(['diffusers', 'ldm']).default('diffusers'),
    'a diffusers folder, or a single file in the original layout',
  ),
  outputDir: option(z.string().min(1).optional(), "the run's folder; default: runs/TIME-RECIPE-HASH"),
  cacheDir: option(z.string().min(1).optional(), 'folder for what can be made again; default: one per user'),
});

/** What a config file or `defineConfig` may hold. */
export type ConfigInput = z.input<typeof configSchema>;
/** The options with their defaults, before names are looked up. */
export type Config = z.output<typeof configSchema>;
export type ConfigKey = keyof ConfigInput;

/** Types a config file: `export default defineConfig({ … })`. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
