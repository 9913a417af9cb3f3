// A run that does what the reference did: plugins, config, container, train functions and trainer are those of every run,
// first values and batches are the reference's. What parity programs of whole steps have in common.
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
  type Plugin,
  type StepResult,
  type Tensor,
  type Trainable,
} from '@likeness/core';
import { compile, defineFunction, type Program, type TypedData } from '@likeness/engine';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import type { FixtureTensor } from './fixtureFile.ts';
import type { ParityRuntime } from './parityModel.ts';
import { toChannelsLast } from './pixelLayout.ts';
import type { ReferenceStep } from './stepsFile.ts';

/** An array of the reference by its name: `step0.latents`. @throws WeightsError when it is missing */
export type ReferenceArrays = (name: string) => FixtureTensor;

export interface RunRequest {
  readonly model: DiffusionModel;
  readonly plugins: readonly Plugin[];
  /** Settings of the run, but for pictures. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly shared: ReferenceArrays;
  /** Texts; encoded when the plugins are in place, so that new words are known. */
  readonly texts: readonly string[];
  /** Which of the texts a row of a batch has. */
  readonly promptOf: (row: number) => number;
  readonly runtime: ParityRuntime;
}

export interface ReferenceRunner {
  readonly program: Program;
  readonly prompts: readonly EncodedPrompt[];
  /** Names of the variables that train. */
  readonly trained: readonly string[];
  /** Gradients of the first batch, by variable. */
  firstGradients(): Promise<ReadonlyMap<string, TypedData>>;
  step(step: number): Promise<StepResult>;
  close(): Promise<void>;
}

/** Puts the run together and loads the model's weights. */
export async function startReferenceRun(request: RunRequest): Promise<ReferenceRunner> {
  const { model, plugins: asked, values, shared, texts, runtime } = request;
  const [, channels = 0, height = 0, width = 0] = shared('step0.latents').shape;
  const { config, plugins } = resolveConfig({
    plugins: asked,
    layers: [{ name: 'the reference', values: { instanceDataDir: 'none: batches are given', ...values } }],
    model: { ...modelFacts(model), recommended: {} },
  });
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables: Trainable[] = [];
  for (const { create } of container.trainables) trainables.push(await create());
  const prompts = texts.map((text) => ({ text, ids: model.tokenizer.encodePadded(text) }));
  const latentShape = [height, width, channels] as const;
  const options = trainOptions({ config, model, container, trainables, latentShape });
  const train = createTrainFunctions(options);
  const gradients = defineFunction(batchInputs(options), (inputs) => {
    const inOrder = lossAndGradients(options, inputs).gradients.flat();
    return Object.fromEntries(train.trained.map((name, i) => [name, inOrder[i]])) as Record<string, Tensor>;
  });
  const { trainsTextEncoder } = options;
  const encoding = trainsTextEncoder ? {} : { encodePrompt: encodePrompt(model) };
  const program = await compile({ ...train.functions, gradients, ...encoding }, runtime);
  await program.load(baseWeights(model, program));
  for (const { initialValues } of trainables) if (initialValues) await program.write(initialValues);
  const batchAt = (step: number): Batch => batchOf(step, request);
  const trainer = new Trainer({
    program,
    model,
    config,
    groups: options.groups,
    lossTerms: options.lossTerms,
    lrSchedule: container.lrSchedule,
    data: {
      instance: { pictures: [] },
      prompts: trainsTextEncoder ? prompts : await encodeAll(prompts, program),
      scalingFactor: model.latentCodec.scalingFactor,
      latentShape,
    },
    trainsTextEncoder,
    batchAt,
  });
  return {
    program,
    prompts,
    trained: train.trained,
    firstGradients: async () =>
      new Map(Object.entries(await program.run('gradients', trainer.feeds(batchAt(0))))),
    step: (step) => trainer.step(step),
    async close() {
      await program.dispose();
      train.dispose();
      for (const trainable of trainables.toReversed()) trainable.detach();
    },
  };
}

/** Instance prompts in the first rows of a batch, class prompts in those after; one prompt a row. */
export function rowTexts(
  shared: ReferenceArrays,
  settings: { readonly batch: number; readonly instance_prompt: string; readonly class_prompt: string },
): string[] {
  const [rows = 0] = shared('step0.latents').shape;
  return Array.from({ length: rows }, (_, row) =>
    row < settings.batch ? settings.instance_prompt : settings.class_prompt,
  );
}

async function encodeAll(prompts: readonly EncodedPrompt[], program: Program): Promise<EncodedPrompt[]> {
  const encoded: EncodedPrompt[] = [];
  for (const prompt of prompts) {
    const { hiddenStates } = await program.run('encodePrompt', { inputIds: prompt.ids });
    encoded.push({ ...prompt, hiddenStates: hiddenStates as Float32Array });
  }
  return encoded;
}

function batchOf(step: number, { model: { noiseSchedule }, shared, promptOf }: RunRequest): Batch {
  const read = (name: string): Float32Array => {
    const { data, shape } = shared(`step${step}.${name}`);
    return toChannelsLast(data, shape);
  };
  const timesteps = Int32Array.from(shared(`step${step}.timesteps`).data);
  const [rows = 0, , height = 0, width = 0] = shared(`step${step}.latents`).shape;
  return {
    ...noisedRows({ latents: read('latents'), noise: read('noise'), timesteps }, noiseSchedule),
    mask: new Float32Array(rows * height * width).fill(1),
    prompts: Array.from({ length: rows }, (_, row) => promptOf(row)),
  };
}

export function* compareStep(
  name: string,
  got: StepResult,
  wanted: ReferenceStep,
  tolerance: Tolerance,
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
