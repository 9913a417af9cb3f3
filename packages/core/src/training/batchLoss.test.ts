// The frozen model as the target, on an adapter that does not start at zero: held against a program of the base model
// alone, and against the same target fed from outside.
import { createRng, defineFunction, float32, int32, tf } from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LossTerm } from '../contracts.ts';
import { createRunContainer } from '../di/runContainer.ts';
import { instanceLoss } from '../losses/denoisingLoss.ts';
import { createTrial, type Trial } from '../testing/index.ts';
import { shiftMethod } from '../testing/shiftMethod.ts';
import { tinyMethod } from '../testing/tinyMethod.ts';
import type { Batch, EncodedData } from './batch.ts';
import { startMachine } from './machine.ts';
import { attachTrainables, detachTrainables } from './trainables.ts';
import { createTrainFunctions, trainOptions } from './trainFunctions.ts';
import { Trainer, type StepResult } from './trainer.ts';

const LATENT_SHAPE = [4, 4, 4] as const;
const SIZE = 4 * 4 * 4;
const ROWS = 4;
/** The last two rows are the class's. */
const FIRST_OF_CLASS = 2;

let trial: Trial;
beforeAll(async () => {
  trial = await createTrial({ plugins: [shiftMethod({ frozen: true })] });
});

const draw = (purpose: string, count: number): Float32Array =>
  createRng(0).stream(purpose, 0, 0).normal(count);
const timesteps = Int32Array.of(10, 400, 700, 900);
const noisyLatents = draw('latents', ROWS * SIZE);
const hiddenStates = draw('states', 8 * 8);
const batch: Batch = {
  noisyLatents,
  target: draw('target', ROWS * SIZE),
  timesteps,
  timestepWeights: Float32Array.of(1, 2, 0.5, 3),
  mask: createRng(0)
    .stream('mask', 0, 0)
    .uniform(ROWS * 16),
  prompts: [0, 0, 0, 0],
};

const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

/** What the model says of the class's rows, as it stands. */
async function predictionOfClass(attached: boolean): Promise<Float32Array> {
  const { model } = trial;
  const { config, plugins } = trial.resolve();
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = attached ? await attachTrainables(container.trainables) : [];
  const definition = defineFunction(
    { latents: float32(2, ...LATENT_SHAPE), timesteps: int32(2), states: float32(2, 8, 8) },
    (inputs) => ({
      y: model.noisePredictor.predict(inputs.latents, tf.cast(inputs.timesteps, 'float32'), inputs.states),
    }),
  );
  const machine = await startMachine(
    { model, threads: 1, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    { predict: { definition, expectedRuns: 1 } },
  );
  for (const { initialValues } of trainables) await machine.program.write(initialValues ?? new Map());
  const { y } = await machine.program.run('predict', {
    latents: noisyLatents.subarray(FIRST_OF_CLASS * SIZE),
    timesteps: timesteps.subarray(FIRST_OF_CLASS),
    states: Float32Array.of(...hiddenStates, ...hiddenStates),
  });
  await machine.close();
  detachTrainables(trainables);
  return y as Float32Array;
}

async function steps(priorTarget: 'generated' | 'frozen', target: Float32Array): Promise<StepResult[]> {
  const { model } = trial;
  const { config, plugins } = trial.resolve({ learningRate: 1e-2 });
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await attachTrainables(container.trainables);
  const options = trainOptions({ config, model, container, trainables, latentShape: LATENT_SHAPE });
  expect(options.priorTarget).toBe('frozen');
  const train = createTrainFunctions({ ...options, priorTarget });
  const machine = await startMachine(
    { model, threads: 1, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    Object.fromEntries(
      Object.entries(train.functions).map(([name, definition]) => [name, { definition, expectedRuns: 1 }]),
    ),
  );
  for (const { initialValues } of trainables) await machine.program.write(initialValues ?? new Map());
  closers.push(async () => {
    await machine.close();
    train.dispose();
    detachTrainables(trainables);
  });
  const data: EncodedData = {
    instance: { pictures: [] },
    prompts: [{ text: '', ids: new Int32Array(8), hiddenStates }],
    scalingFactor: 1,
    latentShape: LATENT_SHAPE,
  };
  const trainer = new Trainer({
    program: machine.program,
    model,
    config,
    groups: options.groups,
    lossTerms: options.lossTerms,
    lrSchedule: () => 1,
    data,
    trainsTextEncoder: false,
    batchAt: () => ({ ...batch, target }),
  });
  const results = [await trainer.step(0), await trainer.step(1)];
  await closers.pop()?.();
  return results;
}

it('is what the base model predicts; masks and timestep weights apply; no gradient comes from it', async () => {
  const [base, adapted] = [await predictionOfClass(false), await predictionOfClass(true)];
  const { mask, timestepWeights } = batch;
  const perRow = [2, 3].map((row) => {
    let sum = 0;
    for (let i = 0; i < SIZE; i++) {
      const at = (row - FIRST_OF_CLASS) * SIZE + i;
      sum += ((adapted[at]! - base[at]!) ** 2 * mask[row * 16 + Math.floor(i / 4)]!) / SIZE;
    }
    return sum * timestepWeights[row]!;
  });
  const byHand = (perRow[0]! + perRow[1]!) / 2;
  expect(byHand).toBeGreaterThan(1e-3);

  const frozen = await steps('frozen', batch.target);
  expect(frozen[0]?.terms['prior']).toBeCloseTo(byHand, 6);

  // Fed from outside the target is a constant: equal updates mean that none went through the frozen model.
  const fedTarget = Float32Array.from(batch.target);
  fedTarget.set(base, FIRST_OF_CLASS * SIZE);
  const fed = await steps('generated', fedTarget);
  fed.forEach(({ loss, gradientNorm }, step) => {
    expect(frozen[step]?.loss).toBeCloseTo(loss, 5);
    expect(frozen[step]?.gradientNorm).toBeCloseTo(gradientNorm, 4);
  });
});

it('is refused where the model itself trains: by name before a run, and where a loss asks for it', async () => {
  const both = { plugins: [tinyMethod(), shiftMethod({ frozen: true })] };
  const other = await createTrial(both);
  expect(() => other.resolve()).toThrow(
    /shift asks what the frozen model predicts, and tiny trains the model's own weights/,
  );
  const term: LossTerm = {
    name: 'drift',
    weight: 1,
    compute: ({ instance }) =>
      tf.mean(tf.squaredDifference(instance.prediction, instance.frozenPrediction()), [1, 2, 3]),
  };
  const { model } = trial;
  const { config, plugins } = trial.resolve();
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await attachTrainables(container.trainables);
  const options = trainOptions({ config, model, container, trainables, latentShape: LATENT_SHAPE });
  const { trainStep } = createTrainFunctions({
    ...options,
    lossTerms: [term],
    trainedBaseWeights: ['unet.conv_in.weight'],
  }).functions;
  await expect(
    startMachine(
      { model, threads: 1, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
      { trainStep: { definition: trainStep!, expectedRuns: 1 } },
    ),
  ).rejects.toThrow("the model's own weights train");
  detachTrainables(trainables);
});
