// Reads `train-steps/METHOD.*`: what the reference trained on and what came out, by variant. The folder's format:
// fixtures/README.md.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';
import type { ReferenceArrays } from './referenceRun.ts';

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
const settings = z.object({
  instance_prompt: z.string(),
  class_prompt: z.string(),
  /** Instance pictures a step, and as many class pictures. */
  batch: z.int().positive(),
  lr: z.number(),
  betas: z.tuple([z.number(), z.number()]),
  weight_decay: z.number(),
  eps: z.number(),
  max_grad_norm: z.number(),
});

export type ReferenceParameter = z.infer<typeof parameter>;
export type ReferenceStep = z.infer<typeof step>;

export interface ReferenceVariant<What> {
  readonly name: string;
  /** What sets this variant apart. */
  readonly what: What;
  readonly steps: readonly ReferenceStep[];
  /** By `COMPONENT.KEY`. */
  readonly params: Readonly<Record<string, ReferenceParameter>>;
  readonly settings: z.infer<typeof settings>;
  /** Of losses, gradients and norms; final values have their own. */
  readonly tolerance: Tolerance;
  /** What all variants share: batches, ids, first values. */
  readonly shared: ReferenceArrays;
  /** An array of this variant, where the folder has it in full. */
  readonly own: (name: string) => FixtureTensor | undefined;
}

/** Settings that all methods of the reference have, by their names here. */
export function runValues(
  { settings: own }: Pick<ReferenceVariant<unknown>, 'settings'>,
  clip: boolean,
): Readonly<Record<string, unknown>> {
  return {
    instancePrompt: own.instance_prompt,
    classPrompt: own.class_prompt,
    trainBatchSize: own.batch,
    optimizer: 'adamw',
    learningRate: own.lr,
    adamBeta1: own.betas[0],
    adamBeta2: own.betas[1],
    adamWeightDecay: own.weight_decay,
    adamEpsilon: own.eps,
    maxGradNorm: clip ? own.max_grad_norm : 0,
  };
}

/** Every variant of `METHOD.json` and `METHOD.safetensors`. */
export async function readSteps<What>(
  folder: string,
  method: string,
  what: z.ZodType<What>,
): Promise<ReferenceVariant<What>[]> {
  const variant = z.object({ what, steps: z.array(step), params: z.record(z.string(), parameter) });
  const description = z.object({
    config: settings,
    tolerance: z.object({ rtol: z.number(), atol: z.number() }),
    expected: z.record(z.string(), variant),
  });
  const { config, tolerance, expected } = description.parse(
    JSON.parse(await readFile(join(folder, `${method}.json`), 'utf8')),
  );
  const path = join(folder, `${method}.safetensors`);
  const tensors = await readFixture(path);
  return Object.entries(expected).map(([name, run]) => ({
    ...run,
    name,
    settings: config,
    tolerance,
    shared: (key) => fixtureTensor(tensors, `${method}.${key}`, path),
    own: (key) => tensors.get(`${method}.${name}.${key}`),
  }));
}
