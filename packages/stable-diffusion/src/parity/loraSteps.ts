// Whole steps of LoRA beside prior preservation against a folder of reference numbers: losses and gradient norms, the
// first gradient and the final value of every adapter. Plugins, config, train functions and trainer are those of a run;
// only first values and batches are the reference's.
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
  readTensor,
  resolveConfig,
  Trainer,
  trainOptions,
  type Batch,
  type DiffusionModel,
  type EncodedPrompt,
  type StepResult,
  type Tensor,
  type Trainable,
} from '@likeness/core';
import { compile, defineFunction, type Program, type TypedData } from '@likeness/engine';
import { ppl } from '@likeness/plugin-dreambooth';
import { lora } from '@likeness/plugin-lora';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import { compareFinalArray, finalNormTolerance, l2Norm } from './finalValues.ts';
import { readLoraSteps, type Reference, type ReferenceStep } from './loraReference.ts';
import type { ParityRuntime } from './parityModel.ts';
import { toChannelsLast } from './pixelLayout.ts';
import { withRounding } from './rounding.ts';

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
  for (const reference of await readLoraSteps(folder)) {
    yield* checkRun(await loadModel(modelFolder), reference, runtime);
  }
}

async function* checkRun(
  model: DiffusionModel,
  reference: Reference,
  { engine, mode }: ParityRuntime,
): AsyncIterable<Comparison> {
  const { name, run } = reference;
  const { config, container, trainables, options, prompts } = await putTogether(model, reference);
  const train = createTrainFunctions(options);
  const wantedIds = reference.shared('input_ids').data;
  const ids = prompts.flatMap((prompt) => [...prompt.ids]);
  yield compareArrays(`${name}.input_ids`, ids, wantedIds, EXACT);

  const gradients = defineFunction(batchInputs(options), (inputs) => {
    const inOrder = lossAndGradients(options, inputs).gradients.flat();
    return Object.fromEntries(train.trained.map((key, i) => [key, inOrder[i]])) as Record<string, Tensor>;
  });
  const program = await compile(
    { ...train.functions, gradients, encodePrompt: encodePrompt(model) },
    { engine, mode },
  );
  await program.load(baseWeights(model, program));
  const keys = Object.keys(run.params);
  const first = keys.map(
    (key) => [variableOf(key), Float32Array.from(reference.shared(`init.${key}`).data)] as const,
  );
  await program.write(new Map(first));
  yield compareArrays(
    `${name}: adapters that train, and no others`,
    [
      train.trained.filter((trained) => !first.some(([variable]) => variable === trained)).length,
      train.trained.length,
    ],
    [0, keys.length],
    EXACT,
  );
  const trainer = new Trainer({
    program,
    model,
    config,
    groups: options.groups,
    lossTerms: options.lossTerms,
    lrSchedule: container.lrSchedule,
    data: {
      instance: { pictures: [] },
      prompts: options.trainsTextEncoder ? prompts : await encodeAll(prompts, program),
      scalingFactor: model.latentCodec.scalingFactor,
      latentShape: options.latentShape,
    },
    trainsTextEncoder: options.trainsTextEncoder,
    batchAt: (step) => batchOf(step, model, reference),
  });

  const grad0 = await program.run('gradients', trainer.feeds(batchOf(0, model, reference)));
  yield* compareGradients(new Map(Object.entries(grad0)), reference);
  for (const [step, wanted] of run.steps.entries()) {
    yield* compareStep(`${name}.step${step}`, await trainer.step(step), wanted, reference);
  }
  yield* compareFinalValues(await program.read(train.trained), reference);
  yield await compareFrozen(name, model, program);
  await program.dispose();
  train.dispose();
  for (const trainable of trainables.toReversed()) trainable.detach();
}

/** `unet.PATH.lora_A.weight` → the plugin's variable. */
function variableOf(key: string): string {
  return `lora.${key.replace(/\.lora_A\.weight$/, '.down').replace(/\.lora_B\.weight$/, '.up')}`;
}

/** A run's parts, from the recipe and settings that do what the reference did. */
async function putTogether(model: DiffusionModel, { run, settings, shared }: Reference) {
  const { what, params } = run;
  const [rows = 0, channels = 0, height = 0, width = 0] = shared('step0.noise').shape;
  const values = {
    instanceDataDir: 'none: batches are given',
    instancePrompt: settings.instance_prompt,
    classPrompt: settings.class_prompt,
    trainBatchSize: settings.batch,
    learningRate: settings.lr,
    adamBeta1: settings.betas[0],
    adamBeta2: settings.betas[1],
    adamWeightDecay: settings.weight_decay,
    adamEpsilon: settings.eps,
    maxGradNorm: what.clip ? settings.max_grad_norm : 0,
    pluginOptions: {
      lora: {
        rank: what.rank,
        alpha: what.alpha,
        trainTextEncoder: Object.keys(params).some((key) => key.startsWith('text_encoder.')),
        textEncoderLearningRate: settings.lr,
      },
      ppl: { priorLossWeight: what.prior_loss_weight },
    },
  };
  const { config, plugins } = resolveConfig({
    plugins: [lora(), ppl()],
    layers: [{ name: 'the reference', values }],
    model: { ...modelFacts(model), recommended: {} },
  });
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables: Trainable[] = [];
  for (const { create } of container.trainables) trainables.push(await create());
  const latentShape = [height, width, channels] as const;
  const options = trainOptions({ config, model, container, trainables, latentShape });
  const prompts: EncodedPrompt[] = Array.from({ length: rows }, (_, row) => {
    const text = row < settings.batch ? settings.instance_prompt : settings.class_prompt;
    return { text, ids: model.tokenizer.encodePadded(text) };
  });
  return { config, container, trainables, options, prompts };
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
function batchOf(step: number, { noiseSchedule }: DiffusionModel, { shared }: Reference): Batch {
  const read = (key: string): Float32Array => {
    const { data, shape } = shared(`step${step}.${key}`);
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

function* compareGradients(got: ReadonlyMap<string, TypedData>, reference: Reference): Iterable<Comparison> {
  const { name, run, tolerance, own } = reference;
  for (const [key, parameter] of Object.entries(run.params)) {
    const values = got.get(variableOf(key));
    const bound = withRounding(tolerance, parameter.grad0_fp32_vs_fp64);
    yield compareArrays(`${name}.grad0_norm.${key}`, [l2Norm(values)], [parameter.grad0_norm], tolerance);
    const full = own(`grad0.${key}`);
    if (full) yield compareArrays(`${name}.grad0.${key}`, values ?? [], full.data, bound);
  }
}

function* compareStep(
  name: string,
  got: StepResult,
  wanted: ReferenceStep,
  { tolerance }: Reference,
): Iterable<Comparison> {
  const numbers = [
    ['loss', got.loss, wanted.loss],
    ['instance_loss', got.terms['instance'], wanted.instance_loss],
    ['prior_loss', got.terms['prior_preservation'], wanted.prior_loss],
    ['grad_norm', got.gradientNorm, wanted.grad_norm],
  ] as const;
  for (const [key, ours, theirs] of numbers) {
    yield compareArrays(`${name}.${key}`, [ours ?? NaN], [theirs], tolerance);
  }
}

function* compareFinalValues(
  got: ReadonlyMap<string, TypedData>,
  reference: Reference,
): Iterable<Comparison> {
  const { name, run, settings, own } = reference;
  for (const [key, parameter] of Object.entries(run.params)) {
    const values = got.get(variableOf(key));
    const { final_norm: norm, final_fp32_vs_fp64: rounding } = parameter;
    const label = `${name}.final_norm.${key}`;
    yield compareArrays(label, [l2Norm(values)], [norm], finalNormTolerance(rounding));
    const full = own(`final.${key}`);
    const bound = { fp32VsFp64: rounding, learningRate: settings.lr, steps: run.steps.length };
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
