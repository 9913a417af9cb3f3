// Whole steps of Textual Inversion against a folder of reference numbers: the new rows before, their first gradient,
// and after every step. Plugin, config, train functions and trainer are those of a run.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  baseWeights,
  batchInputs,
  createRunContainer,
  createTrainFunctions,
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
  type Trainable,
} from '@likeness/core';
import { compile, defineFunction, type Program } from '@likeness/engine';
import { textualInversion } from '@likeness/plugin-textual-inversion';
import { z } from 'zod';
import { loadModel } from '../model.ts';
import { compareArrays, type Comparison, type Tolerance } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';
import type { ParityRuntime } from './parityModel.ts';
import { toChannelsLast } from './pixelLayout.ts';
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

interface Reference {
  readonly name: string;
  readonly run: z.infer<typeof variant>;
  readonly settings: z.infer<typeof description>['config'];
  readonly tolerance: Tolerance;
  /** Arrays all variants share: `step0.latents`. */
  readonly shared: (name: string) => FixtureTensor;
  /** Arrays of this variant: `after_each_step`. */
  readonly own: (name: string) => FixtureTensor;
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
  { engine, mode }: ParityRuntime,
): AsyncIterable<Comparison> {
  const { name, run, tolerance, own } = reference;
  const { config, container, trainables, options } = await putTogether(model, reference);
  const train = createTrainFunctions(options);
  const ids = model.tokenizer.encodePadded(run.prompt);
  const wantedIds = own('input_ids').data;
  const rows = wantedIds.length / ids.length;
  const allIds = Array.from({ length: rows }, () => [...ids]).flat();
  yield compareArrays(`${name}.input_ids`, allIds, wantedIds, { atol: 0, rtol: 0 });

  const gradients = defineFunction(batchInputs(options), (inputs) => {
    const [gradient] = lossAndGradients(options, inputs).gradients.flat();
    if (gradient === undefined) throw new Error('nothing trains');
    return { gradient };
  });
  const program = await compile({ ...train.functions, gradients }, { engine, mode });
  await program.load(baseWeights(model, program));
  for (const { initialValues } of trainables) if (initialValues) await program.write(initialValues);
  const trainer = new Trainer({
    program,
    model,
    config,
    groups: options.groups,
    lossTerms: options.lossTerms,
    lrSchedule: container.lrSchedule,
    data: {
      instance: { pictures: [] },
      prompts: [{ text: run.prompt, ids }],
      scalingFactor: model.latentCodec.scalingFactor,
      latentShape: options.latentShape,
    },
    trainsTextEncoder: options.trainsTextEncoder,
    batchAt: (step) => batchOf(step, model, reference),
  });

  const trained = (): Promise<Float32Array> => readTrained(program, train.trained);
  yield compareArrays(`${name}.init`, await trained(), own('init').data, { atol: 0, rtol: 0 });
  const { gradient = [] } = await program.run('gradients', trainer.feeds(batchOf(0, model, reference)));
  yield compareArrays(`${name}.grad0`, gradient, own('grad0').data, tolerance);
  const after = own('after_each_step').data;
  // What AdamW makes of gradients near zero is rounding; the reference says how far its own runs are apart.
  const bound = withRounding({ atol: 1e-5, rtol: 0 }, run.final_fp32_vs_fp64);
  for (const [step, wanted] of run.steps.entries()) {
    const { loss } = await trainer.step(step);
    yield compareArrays(`${name}.step${step}.loss`, [loss], [wanted.loss], tolerance);
    const values = await trained();
    const from = step * values.length;
    yield compareArrays(
      `${name}.step${step}.rows`,
      values,
      after.subarray(from, from + values.length),
      bound,
    );
  }
  yield await compareTable(name, model, program);
  await program.dispose();
  train.dispose();
  for (const trainable of trainables.toReversed()) trainable.detach();
}

/** A run's parts, from the settings that do what the reference did. */
async function putTogether(model: DiffusionModel, { run, settings, shared }: Reference) {
  const [word = ''] = run.tokens;
  const values = {
    instanceDataDir: 'none: batches are given',
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
  };
  const { config, plugins } = resolveConfig({
    plugins: [textualInversion()],
    layers: [{ name: 'the reference', values }],
    model: { ...modelFacts(model), recommended: {} },
  });
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables: Trainable[] = [];
  for (const { create } of container.trainables) trainables.push(await create());
  const [, channels = 0, height = 0, width = 0] = shared('step0.latents').shape;
  const latentShape = [height, width, channels] as const;
  const options = trainOptions({ config, model, container, trainables, latentShape });
  return { config, container, trainables, options };
}

/** The reference's batch of a step: every row has the one prompt. */
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
    prompts: new Array<number>(rows).fill(0),
  };
}

async function readTrained(program: Program, names: readonly string[]): Promise<Float32Array> {
  const values = await program.read(names);
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
  return compareArrays(`${name}.all other rows after training`, got, want, { atol: 0, rtol: 0 });
}
