// Reads `train-steps/dreambooth.*`: what the reference trained on and what came out, by variant. The folder's format:
// fixtures/README.md.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';
import type { Tolerance } from './comparison.ts';

const parameter = z.object({
  grad0_norm: z.number(),
  final_norm: z.number(),
  grad0_fp32_vs_fp64: z.number(),
  final_fp32_vs_fp64: z.number(),
});
const step = z.object({
  loss: z.number(),
  instance_loss: z.number().optional(),
  prior_loss: z.number().optional(),
  grad_norm: z.number(),
});
const variant = z.object({
  what: z.object({
    /** Null: every row of the batch is an instance picture. */
    prior_loss_weight: z.number().nullable(),
    clip: z.boolean(),
    text_encoder_trained: z.boolean(),
  }),
  steps: z.array(step),
  /** By `COMPONENT.KEY`, our names of variables. */
  params: z.record(z.string(), parameter),
});
const description = z.object({
  config: z.object({
    instance_prompt: z.string(),
    class_prompt: z.string(),
    /** Instance pictures a step, and as many class pictures. */
    batch: z.int().positive(),
    lr: z.number(),
    betas: z.tuple([z.number(), z.number()]),
    weight_decay: z.number(),
    eps: z.number(),
    max_grad_norm: z.number(),
  }),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
  expected: z.record(z.string(), variant),
});

export type ReferenceStep = z.infer<typeof step>;
export type ReferenceParameter = z.infer<typeof parameter>;

export interface ReferenceRun extends z.infer<typeof variant> {
  readonly name: string;
  readonly settings: z.infer<typeof description>['config'];
  /** Of losses, gradients and norms; final values have their own. */
  readonly tolerance: Tolerance;
  /** What all variants share: batches and ids. @throws WeightsError when it is missing */
  readonly shared: (name: string) => FixtureTensor;
  /** An array of this variant, where the folder has one. */
  readonly own: (name: string) => FixtureTensor | undefined;
}

/** Every variant of a `train-steps` folder. */
export async function readDreamBoothSteps(folder: string): Promise<ReferenceRun[]> {
  const { config, tolerance, expected } = description.parse(
    JSON.parse(await readFile(join(folder, 'dreambooth.json'), 'utf8')),
  );
  const path = join(folder, 'dreambooth.safetensors');
  const tensors = await readFixture(path);
  return Object.entries(expected).map(([name, run]) => ({
    ...run,
    name,
    settings: config,
    tolerance,
    shared: (key) => fixtureTensor(tensors, `dreambooth.${key}`, path),
    own: (key) => tensors.get(`dreambooth.${name}.${key}`),
  }));
}
