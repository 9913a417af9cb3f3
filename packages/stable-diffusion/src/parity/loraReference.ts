// Reads `train-steps/lora.*`: what the reference trained on and what came out, by variant. The folder's format:
// fixtures/README.md.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';

const variant = z.object({
  what: z.object({
    rank: z.int().positive(),
    alpha: z.number(),
    prior_loss_weight: z.number(),
    clip: z.boolean(),
  }),
  steps: z.array(
    z.object({ loss: z.number(), instance_loss: z.number(), prior_loss: z.number(), grad_norm: z.number() }),
  ),
  params: z.record(
    z.string(),
    z.object({
      grad0_norm: z.number(),
      final_norm: z.number(),
      grad0_fp32_vs_fp64: z.number(),
      final_fp32_vs_fp64: z.number(),
    }),
  ),
});
const description = z.object({
  config: z.object({
    instance_prompt: z.string(),
    class_prompt: z.string(),
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

export type ReferenceStep = z.infer<typeof variant>['steps'][number];

export interface Reference {
  readonly name: string;
  readonly run: z.infer<typeof variant>;
  readonly settings: z.infer<typeof description>['config'];
  readonly tolerance: Tolerance;
  /** Arrays all variants share: `step0.latents`, `init.…`. */
  readonly shared: (name: string) => FixtureTensor;
  /** An array of this variant, where the folder has it in full. */
  readonly own: (name: string) => FixtureTensor | undefined;
}

/** Every variant of a `train-steps` folder. */
export async function readLoraSteps(folder: string): Promise<Reference[]> {
  const { config, tolerance, expected } = description.parse(
    JSON.parse(await readFile(join(folder, 'lora.json'), 'utf8')),
  );
  const path = join(folder, 'lora.safetensors');
  const tensors = await readFixture(path);
  return Object.entries(expected).map(([name, run]) => ({
    name,
    run,
    settings: config,
    tolerance,
    shared: (key) => fixtureTensor(tensors, `lora.${key}`, path),
    own: (key) => tensors.get(`lora.${name}.${key}`),
  }));
}
