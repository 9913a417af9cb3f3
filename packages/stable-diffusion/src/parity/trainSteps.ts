// Whole DreamBooth steps against a folder of reference numbers. Plugins, config, container, train functions and
// trainer are those of a run; only the batches are the reference's.
import type { DiffusionModel } from '@likeness/core';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { z } from 'zod';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison } from './comparison.ts';
import type { ParityRuntime } from './parityModel.ts';
import { compareStep, rowTexts, startReferenceRun, type RunRequest } from './referenceRun.ts';
import { readSteps, runValues, type ReferenceVariant } from './stepsFile.ts';
import { compareFinalValues, compareGradients } from './trainedParameters.ts';

const difference = z.object({
  /** Null: every row of the batch is an instance picture. */
  prior_loss_weight: z.number().nullable(),
  clip: z.boolean(),
  text_encoder_trained: z.boolean(),
});
type ReferenceRun = ReferenceVariant<z.infer<typeof difference>>;

/**
 * All comparisons of `train-steps/dreambooth.*`: losses and gradient norms of every step, gradients of the first one,
 * final values.
 * @param modelFolder the diffusers folder training starts from
 */
export async function* checkTrainSteps(
  folder: string,
  modelFolder: string,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  for (const reference of await readSteps(folder, 'dreambooth', difference)) {
    yield* checkRun(await loadModel(modelFolder), reference, runtime);
  }
}

async function* checkRun(
  model: DiffusionModel,
  reference: ReferenceRun,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  const { name, shared, steps, tolerance, settings } = reference;
  const texts = rowTexts(shared, settings);
  const asked = recipeOf(reference);
  const run = await startReferenceRun({ model, ...asked, shared, texts, promptOf: (row) => row, runtime });
  const ids = run.prompts.flatMap((prompt) => [...prompt.ids]);
  yield compareArrays(`${name}.input_ids`, ids, shared('input_ids').data, { atol: 0, rtol: 0 });
  yield* compareGradients(await run.firstGradients(), model, reference);
  for (const [step, wanted] of steps.entries()) {
    yield* compareStep(`${name}.step${step}`, await run.step(step), wanted, tolerance);
  }
  yield* compareFinalValues(await run.program.read(run.trained), model, reference);
  await run.close();
}

/** The recipe and settings that do what the reference did. */
function recipeOf(reference: ReferenceRun): Pick<RunRequest, 'plugins' | 'values'> {
  const { what, shared } = reference;
  const withPrior = what.prior_loss_weight !== null;
  const [rows = 0] = shared('step0.noise').shape;
  return {
    plugins: withPrior ? [dreambooth(), ppl()] : [dreambooth()],
    values: {
      ...runValues(reference, what.clip),
      ...(withPrior ? {} : { trainBatchSize: rows }),
      pluginOptions: {
        dreambooth: { trainTextEncoder: what.text_encoder_trained },
        ...(withPrior ? { ppl: { priorLossWeight: what.prior_loss_weight } } : {}),
      },
    },
  };
}
