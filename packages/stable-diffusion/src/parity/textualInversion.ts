// Whole steps of Textual Inversion against a folder of reference numbers: the new rows before, their first gradient,
// and after every step. Plugin, config, train functions and trainer are those of a run.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTensor, type DiffusionModel } from '@likeness/core';
import type { Program, TypedData } from '@likeness/engine';
import { textualInversion } from '@likeness/plugin-textual-inversion';
import { z } from 'zod';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture } from './fixtureFile.ts';
import type { ParityRuntime } from './parityModel.ts';
import { startReferenceRun, type ReferenceArrays, type RunRequest } from './referenceRun.ts';
import { withRounding } from './rounding.ts';

const variant = z.object({
  tokens: z.array(z.string()).min(1),
  initializer: z.string(),
  prompt: z.string(),
  lr: z.number(),
  steps: z.array(z.object({ loss: z.number() })),
  final_fp32_vs_fp64: z.number(),
});
const description = z.object({
  config: z.object({
    batch: z.int().positive(),
    betas: z.tuple([z.number(), z.number()]),
    weight_decay: z.number(),
    eps: z.number(),
  }),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
  expected: z.record(z.string(), variant),
});

const EXACT: Tolerance = { atol: 0, rtol: 0 };

interface Reference {
  readonly name: string;
  readonly run: z.infer<typeof variant>;
  readonly settings: z.infer<typeof description>['config'];
  readonly tolerance: Tolerance;
  /** Arrays all variants share: `step0.latents`. */
  readonly shared: ReferenceArrays;
  /** Arrays of this variant: `after_each_step`. */
  readonly own: ReferenceArrays;
}

/**
 * All comparisons of `train-steps/textual-inversion.*`.
 * @param modelFolder the diffusers folder training starts from
 */
export async function* checkTextualInversion(
  folder: string,
  modelFolder: string,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  const { config, tolerance, expected } = description.parse(
    JSON.parse(await readFile(join(folder, 'textual-inversion.json'), 'utf8')),
  );
  const path = join(folder, 'textual-inversion.safetensors');
  const tensors = await readFixture(path);
  const at = (prefix: string) => (key: string) => fixtureTensor(tensors, `${prefix}.${key}`, path);
  for (const [name, run] of Object.entries(expected)) {
    const shared = at('textual_inversion');
    const own = at(`textual_inversion.${name}`);
    const reference = { name, run, settings: config, tolerance, shared, own };
    yield* checkRun(await loadModel(modelFolder), reference, runtime);
  }
}

async function* checkRun(
  model: DiffusionModel,
  reference: Reference,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  const { name, run: wanted, tolerance, shared, own } = reference;
  const run = await startReferenceRun({
    model,
    ...recipeOf(reference),
    shared,
    texts: [wanted.prompt],
    promptOf: () => 0,
    runtime,
  });
  const ids = run.prompts.flatMap((prompt) => [...prompt.ids]);
  const wantedIds = own('input_ids').data;
  const rows = wantedIds.length / ids.length;
  const allIds = Array.from({ length: rows }, () => ids).flat();
  yield compareArrays(`${name}.input_ids`, allIds, wantedIds, EXACT);
  const trained = (): Promise<Float32Array> => readTrained(run.program, run.trained);
  yield compareArrays(`${name}.init`, await trained(), own('init').data, EXACT);
  const gradients = await run.firstGradients();
  yield compareArrays(`${name}.grad0`, inOrder(gradients, run.trained), own('grad0').data, tolerance);
  const after = own('after_each_step').data;
  // What AdamW makes of gradients near zero is rounding; the reference says how far its own runs are apart.
  const bound = withRounding({ atol: 1e-5, rtol: 0 }, wanted.final_fp32_vs_fp64);
  for (const [step, numbers] of wanted.steps.entries()) {
    const { loss } = await run.step(step);
    yield compareArrays(`${name}.step${step}.loss`, [loss], [numbers.loss], tolerance);
    const values = await trained();
    const from = step * values.length;
    yield compareArrays(
      `${name}.step${step}.rows`,
      values,
      after.subarray(from, from + values.length),
      bound,
    );
  }
  yield await compareTable(name, model, run.program);
  await run.close();
}

/** The plugin and settings that do what the reference did. */
function recipeOf({ run, settings, shared }: Reference): Pick<RunRequest, 'plugins' | 'values'> {
  const [word = ''] = run.tokens;
  return {
    plugins: [textualInversion()],
    values: {
      instancePrompt: run.prompt,
      trainBatchSize: shared('step0.latents').shape[0] ?? 1,
      gradientAccumulationSteps: 1,
      learningRate: run.lr,
      scaleLr: false,
      adamBeta1: settings.betas[0],
      adamBeta2: settings.betas[1],
      adamEpsilon: settings.eps,
      adamWeightDecay: settings.weight_decay,
      pluginOptions: {
        'textual-inversion': {
          placeholderToken: word,
          initializerToken: run.initializer,
          numVectors: run.tokens.length,
        },
      },
    },
  };
}

async function readTrained(program: Program, names: readonly string[]): Promise<Float32Array> {
  return inOrder(await program.read(names), names);
}

function inOrder(values: ReadonlyMap<string, TypedData>, names: readonly string[]): Float32Array {
  return Float32Array.from(names.flatMap((name) => [...(values.get(name) ?? [])]));
}

/** The model's own rows after training, against its file: not one bit moves. */
async function compareTable(
  name: string,
  { textEncoder }: DiffusionModel,
  program: Program,
): Promise<Comparison> {
  const key = [...textEncoder.tensors.keys()].find((entry) => entry.endsWith('token_embedding.weight')) ?? '';
  const entry = textEncoder.tensors.get(key);
  const variable = textEncoder.parameters.variableName(key);
  const got = (await program.read([variable])).get(variable) ?? [];
  const want = entry ? await readTensor(entry) : [];
  return compareArrays(`${name}.all other rows after training`, got, want, EXACT);
}
