// Trains a recipe on one fixed batch and writes down everything a contract is about. Plain data comes back: the checks
// of `testPlugin` only compare.
import {
  compile,
  createRng,
  defineFunction,
  float32,
  int32,
  startEngine,
  type Engine,
  type FunctionDefinition,
  type Program,
  type ResolvedMode,
  type TypedData,
} from '@likeness/engine';
import type { Resolved } from '../config/resolveConfig.ts';
import type { DiffusionModel, Trainable } from '../contracts.ts';
import { createRunContainer } from '../di/runContainer.ts';
import { instanceLoss } from '../losses/denoisingLoss.ts';
import { encodePrompt, latentShapeOf } from '../sampling/pictureFunctions.ts';
import { exportTrainables } from '../stages/export.ts';
import type { EncodedData, EncodedPart } from '../training/batch.ts';
import { baseWeights } from '../training/machine.ts';
import { attachTrainables, detachTrainables } from '../training/trainables.ts';
import { createTrainFunctions, trainOptions } from '../training/trainFunctions.ts';
import { Trainer } from '../training/trainer.ts';

/** An export, opened again. */
export interface Reloaded {
  readonly model: DiffusionModel;
  /** Values of variables that the model's files do not hold. */
  readonly initialValues?: ReadonlyMap<string, Float32Array>;
}

export interface ObserveOptions extends Pick<Resolved, 'config' | 'plugins'> {
  readonly model: DiffusionModel;
  readonly mode: ResolvedMode;
  /** Steps on one batch. */
  readonly steps: number;
  /** Where to export, and how to open that again; nothing is exported without. */
  readonly exported?: { readonly folder: string; readonly reload: (folder: string) => Promise<Reloaded> };
}

export interface Observation {
  /** Of every step on the fixed batch. */
  readonly losses: readonly number[];
  /** Variables of the base model that were not to train and are not what they were, bit for bit. */
  readonly movedFrozen: readonly string[];
  /** Trained variables that did not move. */
  readonly unmovedTrained: readonly string[];
  /** Tensors alive in the engine after the third step and after the last. */
  readonly tensors: readonly [early: number, late: number];
  /** What the network says of one input: before anything was attached, trained, detached again, and of the export. */
  readonly outputs: Readonly<Record<'before' | 'trained' | 'detached', TypedData>> & {
    readonly reloaded?: TypedData;
  };
  /** Hash of the base model's program before anything was attached and after it was detached. */
  readonly programs: Readonly<Record<'before' | 'detached', string>>;
  readonly files: readonly string[];
}

export async function observeTraining(options: ObserveOptions): Promise<Observation> {
  const engine = await startEngine({ threads: options.config.threads });
  try {
    return await observe(engine, options);
  } finally {
    await engine.close();
  }
}

async function observe(
  engine: Engine,
  { config, plugins, model, mode, steps, exported }: ObserveOptions,
): Promise<Observation> {
  const base = await openProbe(engine, mode, { model }, config.prompts.instancePrompt);
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await attachTrainables(container.trainables);
  const latentShape = latentShapeOf(model, config.resolution);
  const settings = trainOptions({ config, model, container, trainables, latentShape });
  const train = createTrainFunctions(settings);
  const probe = await openProbe(
    engine,
    mode,
    { model, initialValues: initialValuesOf(trainables) },
    config.prompts.instancePrompt,
    train.functions,
  );
  const { program } = probe;
  const start = await program.read(train.trained);
  const trainer = new Trainer({
    program,
    model,
    config,
    groups: settings.groups,
    lossTerms: container.lossTerms,
    lrSchedule: () => 1,
    data: await fixedData(model, program, config.prompts, container.prior !== undefined),
    trainsTextEncoder: settings.trainsTextEncoder,
    drawn: train.drawn,
  });
  const losses: number[] = [];
  let early = 0;
  for (let step = 0; step < steps; step++) {
    // A step's batch depends on its number alone: step 0 again is the same batch again.
    losses.push((await trainer.step(0)).loss);
    if (step === 2) early = (await engine.stats()).tensors;
  }
  const late = (await engine.stats()).tensors;
  const trained = await probe.output();
  const end = await program.read(train.trained);
  const movedFrozen = await differing(base.program, program, train.trained);
  let files: string[] = [];
  let reloaded: TypedData | undefined;
  if (exported) {
    const machine = { engine, program, isCompiling: () => false, close: () => Promise.resolve() };
    files = await exportTrainables({ config, model, machine, train, trainables }, exported.folder);
  }
  train.dispose();
  detachTrainables(trainables);
  const restored = await openProbe(engine, mode, { model }, config.prompts.instancePrompt);
  if (exported) {
    const again = await exported.reload(exported.folder);
    reloaded = await (await openProbe(engine, mode, again, config.prompts.instancePrompt)).output();
  }
  return {
    losses,
    movedFrozen,
    unmovedTrained: train.trained.filter((name) => sameBits(start.get(name), end.get(name))),
    tensors: [early, late],
    outputs: {
      before: await base.output(),
      trained,
      detached: await restored.output(),
      ...(reloaded ? { reloaded } : {}),
    },
    programs: { before: base.program.facts.hash, detached: restored.program.facts.hash },
    files,
  };
}

interface Probe {
  readonly program: Program;
  /** The prediction for one fixed input. */
  output(): Promise<TypedData>;
}

/** A program of the model as it stands now, with its files' weights. */
async function openProbe(
  engine: Engine,
  mode: ResolvedMode,
  { model, initialValues = new Map() }: Reloaded,
  prompt: string,
  more: Readonly<Record<string, FunctionDefinition>> = {},
): Promise<Probe> {
  const { textEncoder, noisePredictor, tokenizer, resolution } = model;
  const latentShape = latentShapeOf(model, resolution);
  const predict = defineFunction(
    { latents: float32(1, ...latentShape), timesteps: float32(1), inputIds: int32(1, textEncoder.maxLength) },
    ({ latents, timesteps, inputIds }) => ({
      prediction: noisePredictor.predict(latents, timesteps, textEncoder.encode(inputIds)),
    }),
  );
  const functions: Record<string, FunctionDefinition> = {
    predict,
    encodePrompt: encodePrompt(model),
    ...more,
  };
  const program = await compile(functions, { engine, mode });
  await program.load(baseWeights(model, program));
  if (initialValues.size > 0) await program.write(initialValues);
  const [height, width, channels] = latentShape;
  const feeds = {
    latents: createRng(1)
      .stream('probe', 0, 0)
      .normal(height * width * channels),
    timesteps: Float32Array.of(500),
    inputIds: tokenizer.encodePadded(prompt),
  };
  return {
    program,
    output: async () => (await program.run('predict', feeds))['prediction'] ?? new Float32Array(),
  };
}

const initialValuesOf = (trainables: readonly Trainable[]): ReadonlyMap<string, Float32Array> =>
  new Map(trainables.flatMap(({ initialValues = new Map<string, Float32Array>() }) => [...initialValues]));

/** Two pictures of each part with random latents, and the run's prompts. */
async function fixedData(
  model: DiffusionModel,
  program: Program,
  { instancePrompt, classPrompt = instancePrompt }: Resolved['config']['prompts'],
  withPrior: boolean,
): Promise<EncodedData> {
  const latentShape = latentShapeOf(model, model.resolution);
  const size = latentShape[0] * latentShape[1] * latentShape[2];
  const part = (name: string, prompt: number): EncodedPart => ({
    pictures: [0, 1].map((i) => ({
      variants: [
        { mean: createRng(2).stream(name, 0, i).normal(size), std: new Float32Array(size).fill(0.1) },
      ],
      prompts: [prompt],
    })),
  });
  const prompts = await Promise.all(
    [instancePrompt, classPrompt].map(async (text) => {
      const ids = model.tokenizer.encodePadded(text);
      const { hiddenStates } = await program.run('encodePrompt', { inputIds: ids });
      return { text, ids, hiddenStates: hiddenStates as Float32Array };
    }),
  );
  return {
    instance: part('instance', 0),
    ...(withPrior ? { prior: part('prior', 1) } : {}),
    prompts,
    scalingFactor: model.latentCodec.scalingFactor,
    latentShape,
  };
}

/** Variables both programs have and one of them changed, without those that were to train. */
async function differing(a: Program, b: Program, trained: readonly string[]): Promise<string[]> {
  const names = a.variableNames.filter((name) => b.variableNames.includes(name) && !trained.includes(name));
  const [left, right] = [await a.read(names), await b.read(names)];
  return names.filter((name) => !sameBits(left.get(name), right.get(name)));
}

/** Equal bytes: unlike `===`, a NaN equals itself and 0 is not -0. */
export function sameBits(a: TypedData | undefined, b: TypedData | undefined): boolean {
  const bytes = (data: TypedData | undefined): Buffer =>
    data ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.alloc(0);
  return a !== undefined && bytes(a).equals(bytes(b));
}
