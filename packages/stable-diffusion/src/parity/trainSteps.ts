// Whole DreamBooth steps against a folder of reference numbers. Plugins, config, container, train functions and
// trainer are those of a run; only the batches are the reference's.
import {
  baseWeights,
  batchInputs,
  createRunContainer,
  createTrainFunctions,
  encodePrompt,
  instanceLoss,
  lossAndGradients,
  modelFacts,
  noisedRows,
  resolveConfig,
  Trainer,
  trainOptions,
  type Batch,
  type DiffusionModel,
  type EncodedPrompt,
  type StepResult,
} from '@likeness/core';
import { compile, defineFunction, type Program } from '@likeness/engine';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison } from './comparison.ts';
import { readDreamBoothSteps, type ReferenceRun, type ReferenceStep } from './dreamboothSteps.ts';
import { compareFinalValues, compareGradients } from './trainedParameters.ts';
import type { ParityRuntime } from './parityModel.ts';
import { toChannelsLast } from './pixelLayout.ts';

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
  for (const reference of await readDreamBoothSteps(folder)) {
    yield* checkRun(await loadModel(modelFolder), reference, runtime);
  }
}

async function* checkRun(
  model: DiffusionModel,
  reference: ReferenceRun,
  { engine, mode }: ParityRuntime,
): AsyncIterable<Comparison> {
  const training = await putTogether(model, reference);
  const { train, options, prompts } = training;
  const ids = prompts.flatMap((prompt) => [...prompt.ids]);
  const wantedIds = reference.shared('input_ids').data;
  yield compareArrays(`${reference.name}.input_ids`, ids, wantedIds, { atol: 0, rtol: 0 });

  const gradients = defineFunction(batchInputs(options), (inputs) => {
    const inOrder = lossAndGradients(options, inputs).gradients.flat();
    return Object.fromEntries(train.trained.map((name, i) => [name, inOrder[i]])) as Record<
      string,
      (typeof inOrder)[number]
    >;
  });
  const program = await compile(
    { ...train.functions, gradients, encodePrompt: encodePrompt(model) },
    { engine, mode },
  );
  await program.load(baseWeights(model, program));
  const trainer = new Trainer({
    ...training,
    program,
    data: {
      instance: { pictures: [] },
      prompts: options.trainsTextEncoder ? prompts : await encodeAll(prompts, program),
      scalingFactor: model.latentCodec.scalingFactor,
      latentShape: options.latentShape,
    },
    trainsTextEncoder: options.trainsTextEncoder,
    batchAt: (step) => batchOf(step, model, reference),
  });

  const first = await program.run('gradients', trainer.feeds(batchOf(0, model, reference)));
  yield* compareGradients(new Map(Object.entries(first)), model, reference);
  for (const [step, wanted] of reference.steps.entries()) {
    yield* compareStep(`${reference.name}.step${step}`, await trainer.step(step), wanted, reference);
  }
  yield* compareFinalValues(await program.read(train.trained), model, reference);
  await program.dispose();
}

/** A run's parts, from the recipe and settings that do what the reference did. */
async function putTogether(model: DiffusionModel, { settings, what, shared }: ReferenceRun) {
  const withPrior = what.prior_loss_weight !== null;
  const [rows = 0, channels = 0, height = 0, width = 0] = shared('step0.noise').shape;
  const values = {
    instanceDataDir: 'none: batches are given',
    instancePrompt: settings.instance_prompt,
    classPrompt: settings.class_prompt,
    trainBatchSize: withPrior ? settings.batch : rows,
    optimizer: 'adamw',
    learningRate: settings.lr,
    adamBeta1: settings.betas[0],
    adamBeta2: settings.betas[1],
    adamWeightDecay: settings.weight_decay,
    adamEpsilon: settings.eps,
    maxGradNorm: what.clip ? settings.max_grad_norm : 0,
    pluginOptions: {
      dreambooth: { trainTextEncoder: what.text_encoder_trained },
      ...(withPrior ? { ppl: { priorLossWeight: what.prior_loss_weight } } : {}),
    },
  };
  const { config, plugins } = resolveConfig({
    plugins: withPrior ? [dreambooth(), ppl()] : [dreambooth()],
    layers: [{ name: 'the reference', values }],
    model: { ...modelFacts(model), recommended: {} },
  });
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await Promise.all(container.trainables.map(({ create }) => create()));
  const options = trainOptions({
    config,
    model,
    container,
    trainables,
    latentShape: [height, width, channels],
  });
  const { instance_prompt: instancePrompt, class_prompt: classPrompt } = settings;
  const prompts: EncodedPrompt[] = Array.from({ length: rows }, (_, row) => {
    const text = row < settings.batch ? instancePrompt : classPrompt;
    return { text, ids: model.tokenizer.encodePadded(text) };
  });
  return {
    model,
    config,
    options,
    prompts,
    groups: options.groups,
    lossTerms: options.lossTerms,
    lrSchedule: container.lrSchedule,
    train: createTrainFunctions(options),
  };
}

async function encodeAll(prompts: readonly EncodedPrompt[], program: Program): Promise<EncodedPrompt[]> {
  const encoded: EncodedPrompt[] = [];
  for (const prompt of prompts) {
    const { hiddenStates } = await program.run('encodePrompt', { inputIds: prompt.ids });
    encoded.push({ ...prompt, hiddenStates: hiddenStates as Float32Array });
  }
  return encoded;
}

/** The reference's batch of a step; one prompt a row. */
function batchOf(step: number, { noiseSchedule }: DiffusionModel, { shared }: ReferenceRun): Batch {
  const read = (name: string): Float32Array => {
    const { data, shape } = shared(`step${step}.${name}`);
    return toChannelsLast(data, shape);
  };
  const timesteps = Int32Array.from(shared(`step${step}.timesteps`).data);
  const [rows = 0, , height = 0, width = 0] = shared(`step${step}.latents`).shape;
  return {
    ...noisedRows({ latents: read('latents'), noise: read('noise'), timesteps }, noiseSchedule),
    mask: new Float32Array(rows * height * width).fill(1),
    prompts: Array.from({ length: rows }, (_, row) => row),
  };
}

function* compareStep(
  name: string,
  got: StepResult,
  wanted: ReferenceStep,
  { tolerance }: ReferenceRun,
): Iterable<Comparison> {
  const numbers = [
    ['loss', got.loss, wanted.loss],
    ['instance_loss', got.terms['instance'], wanted.instance_loss],
    ['prior_loss', got.terms['prior_preservation'], wanted.prior_loss],
    ['grad_norm', got.gradientNorm, wanted.grad_norm],
  ] as const;
  for (const [key, ours, theirs] of numbers) {
    if (theirs !== undefined) yield compareArrays(`${name}.${key}`, [ours ?? NaN], [theirs], tolerance);
  }
}
