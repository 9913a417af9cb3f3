// What an evaluation asks for: settings a person or a matrix of runs can write down. What they leave open follows from
// the run: its sampler, its subject's prompts, its instance pictures.
import { z } from 'zod';

const positiveInt = z.int().positive();
const templates = z
  .array(z.string().refine((text) => text.includes('{}'), 'a sentence with {} where the subject goes'))
  .min(1);
const folder = z.string().min(1);

export const evaluationSchema = z.strictObject({
  prompts: z
    .union([z.enum(['object', 'live']), templates])
    .optional()
    .meta({
      description:
        "the paper's prompts for objects or live subjects, or sentences with {} for the subject; default: the model's",
    }),
  imagesPerPrompt: positiveInt.default(4).meta({ description: 'pictures of each prompt' }),
  numClassImages: z.int().nonnegative().default(16).meta({ description: 'pictures of the class' }),
  unrelatedPrompts: z
    .array(z.string().min(1))
    .optional()
    .meta({ description: "prompts that training should have left alone; default: the model's, [] for none" }),
  imagesPerUnrelatedPrompt: positiveInt.default(2).meta({ description: 'pictures of each unrelated prompt' }),
  sampler: z.string().min(1).optional().meta({ description: "sampler; default: the run's" }),
  numInferenceSteps: positiveInt.optional().meta({ description: "steps of the sampler; default: the run's" }),
  guidanceScale: z
    .number()
    .nonnegative()
    .optional()
    .meta({ description: "how strongly pictures follow their prompt; default: the run's" }),
  seed: z.int().nonnegative().default(0).meta({ description: 'seed of the first picture of each prompt' }),
  reference: z
    .union([folder, z.array(folder).min(1)])
    .optional()
    .meta({
      description:
        'pictures of the subject to compare with, looked up by whoever opens it; default: the instance pictures',
    }),
  classNoun: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'what the subject is, where the run was told something else' }),
  judges: z
    .strictObject({
      dino: folder.optional(),
      clip: folder.optional(),
      lpips: folder.optional(),
      classifier: folder.optional(),
    })
    .default({})
    .meta({ description: 'folders of the judges; default: those of the bundled model' }),
  metrics: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: 'further metrics: names of installed packages likeness-metric-NAME, or paths' }),
  batchSize: positiveInt.default(4).meta({ description: 'pictures computed together' }),
  mode: z
    .enum(['auto', 'xla', 'graph', 'eager'])
    .default('auto')
    .meta({ description: 'how the networks run' }),
  threads: positiveInt
    .optional()
    .meta({ description: 'threads to compute with; default: the physical cores' }),
});

/** As written: everything may be left out. */
export type EvaluationInput = z.input<typeof evaluationSchema>;
/** With defaults. */
export type EvaluationSettings = z.output<typeof evaluationSchema>;
