// Whole steps of LoRA beside prior preservation against a folder of reference numbers: losses and gradient norms, the
// first gradient and the final value of every adapter. Plugins, config, train functions and trainer are those of a run;
// only first values and batches are the reference's.
import { readTensor, type DiffusionModel } from '@likeness/core';
import type { Program, TypedData } from '@likeness/engine';
import { ppl } from '@likeness/plugin-dreambooth';
import { lora } from '@likeness/plugin-lora';
import { z } from 'zod';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import { compareFinalArray, finalNormTolerance, l2Norm } from './finalValues.ts';
import type { ParityRuntime } from './parityModel.ts';
import { compareStep, rowTexts, startReferenceRun, type RunRequest } from './referenceRun.ts';
import { withRounding } from './rounding.ts';
import { readSteps, runValues, type ReferenceVariant } from './stepsFile.ts';

const difference = z.object({
  rank: z.int().positive(),
  alpha: z.number(),
  prior_loss_weight: z.number(),
  clip: z.boolean(),
});
type Reference = ReferenceVariant<z.infer<typeof difference>>;

const EXACT: Tolerance = { atol: 0, rtol: 0 };

/**
 * All comparisons of `train-steps/lora.*`.
 * @param modelFolder the diffusers folder training starts from
 */
export async function* checkLoraSteps(
  folder: string,
  modelFolder: string,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  for (const reference of await readSteps(folder, 'lora', difference)) {
    yield* checkRun(await loadModel(modelFolder), reference, runtime);
  }
}

async function* checkRun(
  model: DiffusionModel,
  reference: Reference,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  const { name, steps, params, shared, settings, tolerance } = reference;
  const texts = rowTexts(shared, settings);
  const asked = recipeOf(reference);
  const run = await startReferenceRun({ model, ...asked, shared, texts, promptOf: (row) => row, runtime });
  const ids = run.prompts.flatMap((prompt) => [...prompt.ids]);
  yield compareArrays(`${name}.input_ids`, ids, shared('input_ids').data, EXACT);
  const keys = Object.keys(params);
  const first = keys.map((key) => [variableOf(key), Float32Array.from(shared(`init.${key}`).data)] as const);
  await run.program.write(new Map(first));
  yield compareArrays(
    `${name}: adapters that train, and no others`,
    [
      run.trained.filter((trained) => !first.some(([variable]) => variable === trained)).length,
      run.trained.length,
    ],
    [0, keys.length],
    EXACT,
  );
  yield* compareGradients(await run.firstGradients(), reference);
  for (const [step, numbers] of steps.entries()) {
    yield* compareStep(`${name}.step${step}`, await run.step(step), numbers, tolerance);
  }
  yield* compareFinalValues(await run.program.read(run.trained), reference);
  yield await compareFrozen(name, model, run.program);
  await run.close();
}

/** `unet.PATH.lora_A.weight` → the plugin's variable. */
function variableOf(key: string): string {
  return `lora.${key.replace(/\.lora_A\.weight$/, '.down').replace(/\.lora_B\.weight$/, '.up')}`;
}

/** The recipe and settings that do what the reference did. */
function recipeOf(reference: Reference): Pick<RunRequest, 'plugins' | 'values'> {
  const { what, params, settings } = reference;
  return {
    plugins: [lora(), ppl()],
    values: {
      ...runValues(reference, what.clip),
      pluginOptions: {
        lora: {
          rank: what.rank,
          alpha: what.alpha,
          trainTextEncoder: Object.keys(params).some((key) => key.startsWith('text_encoder.')),
          textEncoderLearningRate: settings.lr,
        },
        ppl: { priorLossWeight: what.prior_loss_weight },
      },
    },
  };
}

function* compareGradients(got: ReadonlyMap<string, TypedData>, reference: Reference): Iterable<Comparison> {
  const { name, params, tolerance, own } = reference;
  for (const [key, parameter] of Object.entries(params)) {
    const values = got.get(variableOf(key));
    const bound = withRounding(tolerance, parameter.grad0_fp32_vs_fp64);
    yield compareArrays(`${name}.grad0_norm.${key}`, [l2Norm(values)], [parameter.grad0_norm], tolerance);
    const full = own(`grad0.${key}`);
    if (full) yield compareArrays(`${name}.grad0.${key}`, values ?? [], full.data, bound);
  }
}

function* compareFinalValues(
  got: ReadonlyMap<string, TypedData>,
  reference: Reference,
): Iterable<Comparison> {
  const { name, params, steps, settings, own } = reference;
  for (const [key, parameter] of Object.entries(params)) {
    const values = got.get(variableOf(key));
    const { final_norm: norm, final_fp32_vs_fp64: rounding } = parameter;
    const label = `${name}.final_norm.${key}`;
    yield compareArrays(label, [l2Norm(values)], [norm], finalNormTolerance(rounding));
    const full = own(`final.${key}`);
    const bound = { fp32VsFp64: rounding, learningRate: settings.lr, steps: steps.length };
    if (full) yield compareFinalArray(`${name}.final.${key}`, values ?? [], full.data, bound);
  }
}

/** The weights under the adapters after training, against the model's files: not one bit moves. */
async function compareFrozen(name: string, model: DiffusionModel, program: Program): Promise<Comparison> {
  const used = new Set(program.variableNames);
  let [weights, moved] = [0, 0];
  for (const { parameters, tensors } of [model.noisePredictor, model.textEncoder]) {
    for (const { key, layout } of parameters.entries().values()) {
      const [variable, entry] = [parameters.variableName(key), tensors.get(key)];
      if (!used.has(variable) || entry === undefined) continue;
      // Convolutions lie in another order: sorted, they are the same numbers or they are not.
      const order = (values: TypedData): TypedData => (layout === 'asIs' ? values : values.toSorted());
      const [now, then] = [(await program.read([variable])).get(variable), await readTensor(entry)];
      weights++;
      if (!now || Buffer.compare(bytes(order(now)), bytes(order(then))) !== 0) moved++;
    }
  }
  return compareArrays(
    `${name}: frozen weights that moved, of ${weights}`,
    [moved, Math.sign(weights)],
    [0, 1],
    EXACT,
  );
}

const bytes = ({ buffer, byteOffset, byteLength }: TypedData): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
