// The compiled steps on the tiny model: accumulation, moving averages, masks and weights, against sums made by hand.
import { createRng, variableInfo } from '@likeness/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ConfigInput } from '../config/schema.ts';

import { createRunContainer } from '../di/runContainer.ts';
import { instanceLoss } from '../losses/denoisingLoss.ts';
import { definePlugin } from '../plugins/definePlugin.ts';
import { createTrial, type Trial } from '../testing/index.ts';
import { tinyMethod } from '../testing/tinyMethod.ts';
import { concatFloats, type Batch, type EncodedData } from './batch.ts';
import { startMachine, type Machine } from './machine.ts';
import { attachTrainables, detachTrainables } from './trainables.ts';
import { createTrainFunctions, trainOptions, type TrainFunctions } from './trainFunctions.ts';
import { Trainer } from './trainer.ts';

const LATENT_SHAPE = [4, 4, 4] as const;
const SIZE = 4 * 4 * 4;
let trial: Trial;
beforeAll(async () => {
  trial = await createTrial({ plugins: [tinyMethod({ numClassImages: 2 })] });
});

const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of open) await close();
});

interface Opened {
  readonly machine: Machine;
  readonly train: TrainFunctions;
  readonly trainer: Trainer;
}

async function openTrainer(
  values: ConfigInput,
  batchAt: (microStep: number) => Batch,
  { model, resolve }: Trial = trial,
): Promise<Opened> {
  const { config, plugins } = resolve(values);
  const container = createRunContainer({ config, model, plugins, denoisingLoss: instanceLoss });
  const trainables = await attachTrainables(container.trainables);
  const options = trainOptions({ config, model, container, trainables, latentShape: LATENT_SHAPE });
  const train = createTrainFunctions(options);
  const machine = await startMachine(
    { model, threads: 1, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    Object.fromEntries(
      Object.entries(train.functions).map(([name, definition]) => [name, { definition, expectedRuns: 1 }]),
    ),
  );
  open.push(async () => {
    await machine.close();
    train.dispose();
    detachTrainables(trainables);
  });
  const trainer = new Trainer({
    program: machine.program,
    model,
    config,
    groups: options.groups,
    lossTerms: container.lossTerms,
    lrSchedule: () => 1,
    data,
    trainsTextEncoder: false,
    batchAt,
  });
  return { machine, train, trainer };
}

/** States of one prompt; batches come from the tests. */
const data: EncodedData = {
  instance: { pictures: [] },
  prompts: [
    {
      text: '',
      ids: new Int32Array(8),
      hiddenStates: createRng(5)
        .stream('states', 0, 0)
        .normal(8 * 8),
    },
  ],
  scalingFactor: 1,
  latentShape: LATENT_SHAPE,
};

/** Rows of one part of a batch. */
const rows = (name: string, index: number, count: number): Batch => {
  const draws = (purpose: string): Float32Array =>
    createRng(6)
      .stream(`${name}.${purpose}`, index, 0)
      .normal(count * SIZE);
  return {
    noisyLatents: draws('latents'),
    target: draws('target'),
    timesteps: createRng(6).stream(`${name}.timesteps`, index, 0).integers(count, 0, 1000),
    timestepWeights: new Float32Array(count).fill(1),
    mask: new Float32Array(count * 16).fill(1),
    prompts: new Array<number>(count).fill(0),
  };
};
const joined = (...parts: Batch[]): Batch => ({
  noisyLatents: concatFloats(parts.map((part) => part.noisyLatents)),
  target: concatFloats(parts.map((part) => part.target)),
  timesteps: Int32Array.from(parts.flatMap((part) => [...part.timesteps])),
  timestepWeights: concatFloats(parts.map((part) => part.timestepWeights)),
  mask: concatFloats(parts.map((part) => part.mask)),
  prompts: parts.flatMap((part) => part.prompts),
});

const trainedWeights = async ({ machine, train }: Opened): Promise<number[]> =>
  [...(await machine.program.read(train.trained)).values()].flatMap((values) => [...values]);

describe('accumulated gradients', () => {
  it('of two batches of 2 make the step of one batch of 4', async () => {
    // sgd: a step is the gradient itself, where Adam's first step is only its sign
    const values = { optimizer: 'sgd', learningRate: 0.1, maxGradNorm: 0 } as const;
    const [i0, i1, p0, p1] = [rows('i', 0, 2), rows('i', 1, 2), rows('p', 0, 2), rows('p', 1, 2)];
    const twice = await openTrainer({ ...values, trainBatchSize: 2, gradientAccumulationSteps: 2 }, (i) =>
      i % 2 === 0 ? joined(i0, p0) : joined(i1, p1),
    );
    const once = await openTrainer({ ...values, trainBatchSize: 4 }, () => joined(i0, i1, p0, p1));
    const before = await trainedWeights(once);
    for (let step = 0; step < 2; step++) {
      // The second step would tell a sum that was not cleared.
      const [a, b] = [await twice.trainer.step(step), await once.trainer.step(step)];
      expect(a.loss).toBeCloseTo(b.loss, 5);
      expect(a.gradientNorm).toBeCloseTo(b.gradientNorm, 4);
    }
    const [a, b] = [await trainedWeights(twice), await trainedWeights(once)];
    const moved = Math.max(...b.map((value, i) => Math.abs(value - before[i]!)));
    const apart = Math.max(...b.map((value, i) => Math.abs(value - a[i]!)));
    // Sums in another order: float32 rounding, a millionth of what the step moved.
    expect(apart).toBeLessThan(1e-5 * moved);
  });
});

describe('the moving average', () => {
  it('is what the recurrence makes by hand, and starts as the weights', async () => {
    const batch = joined(rows('i', 0, 2), rows('p', 0, 2));
    const opened = await openTrainer({ emaDecay: 0.2, trainBatchSize: 2, learningRate: 0.05 }, () => batch);
    const { machine, train, trainer } = opened;
    const [name, averageName] = [...train.averageOf][0]!;
    // min(0.2, (1 + n) / (10 + n)) after the first step's 0, as diffusers' EMAModel
    const decays = [0, 2 / 11, 0.2, 0.2];
    let expected: number[] = [];
    for (const [step, decay] of decays.entries()) {
      await trainer.step(step);
      const weights = [...(await machine.program.read([name])).get(name)!];
      expected = weights.map((weight, i) => decay * (expected[i] ?? 0) + (1 - decay) * weight);
    }
    const average = [...(await machine.program.read([averageName])).get(averageName)!];
    average.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 5);
    });
    expect(Math.abs(average[0]! - (await machine.program.read([name])).get(name)![0]!)).toBeGreaterThan(1e-4);
  });
});

describe("a plugin's optimizer", () => {
  it("takes the steps of Adam with the plugin's betas, bias correction too", async () => {
    // An epsilon that keeps Adam's step from being the sign of a gradient that is nearly nothing.
    const [beta1, beta2, epsilon, learningRate] = [0.5, 0.9, 1e-2, 0.02];
    const bringing = definePlugin({
      name: 'bringing',
      description: 'brings an optimizer',
      options: z.strictObject({}),
      setup: () => ({ optimizer: { name: 'adam', beta1, beta2, epsilon, weightDecay: 0 } }),
    });
    const values = { trainBatchSize: 2, maxGradNorm: 0, adamWeightDecay: 0 } as const;
    const batch = rows('i', 0, 2);
    const trialOfPlugin = await createTrial({ plugins: [tinyMethod({}), bringing()] });
    const opened = await openTrainer({ ...values, learningRate }, () => batch, trialOfPlugin);
    // Gradients where the weights are: steep plain descent, whose step is the gradient times its rate.
    const rate = 1000;
    const probe = await openTrainer(
      { ...values, optimizer: 'sgd', learningRate: rate },
      () => batch,
      await createTrial({ plugins: [tinyMethod({})] }),
    );
    const names = probe.train.trained;
    expect(opened.train.trained).toHaveLength(names.length);
    const start = await trainedWeights(opened);
    let weights = start;
    const [mean, squares] = [weights.map(() => 0), weights.map(() => 0)];
    for (let step = 0; step < 3; step++) {
      const held = await opened.machine.program.read(opened.train.trained);
      const values = [...held.values()];
      await probe.machine.program.write(new Map(names.map((name, i) => [name, values[i]!])));
      await probe.trainer.step(0);
      const after = await trainedWeights(probe);
      const gradient = values.flatMap((value) => [...value]).map((value, i) => (value - after[i]!) / rate);
      weights = weights.map((weight, i) => {
        mean[i] = beta1 * mean[i]! + (1 - beta1) * gradient[i]!;
        squares[i] = beta2 * squares[i]! + (1 - beta2) * gradient[i]! ** 2;
        const [m, v] = [mean[i]! / (1 - beta1 ** (step + 1)), squares[i]! / (1 - beta2 ** (step + 1))];
        return weight - (learningRate * m) / (Math.sqrt(v) + epsilon);
      });
      await opened.trainer.step(step);
    }
    const trained = await trainedWeights(opened);
    trained.forEach((value, i) => {
      expect(value).toBeCloseTo(weights[i]!, 4);
    });
    expect(Math.max(...trained.map((value, i) => Math.abs(value - start[i]!)))).toBeGreaterThan(0.02);
  });
});

describe('what weighs a loss', () => {
  it('is the mask per pixel and the timestep per picture, in each part its own', async () => {
    let batch: Batch = joined(rows('i', 0, 2), rows('p', 0, 2));
    const plain = batch;
    const { trainer } = await openTrainer(
      { optimizer: 'sgd', learningRate: 1e-30, trainBatchSize: 2 },
      () => batch,
    );
    const termsOf = async (other: Batch) => {
      batch = other;
      return (await trainer.step(0)).terms as { instance: number; prior: number };
    };
    const all = await termsOf(plain);
    const half = await termsOf({ ...plain, mask: plain.mask.map((one, i) => (i < 2 * 16 ? one / 2 : one)) });
    expect(half.instance).toBeCloseTo(all.instance / 2, 5);
    expect(half.prior).toBe(all.prior);
    const first = await termsOf({ ...plain, timestepWeights: Float32Array.of(1, 0, 1, 1) });
    const second = await termsOf({ ...plain, timestepWeights: Float32Array.of(0, 1, 1, 1) });
    expect(first.instance + second.instance).toBeCloseTo(all.instance, 5);
    // A pixel that is masked out does not count, whatever stands there.
    const without = { ...plain, mask: plain.mask.map((one, i) => (i === 0 ? 0 : one)) };
    const target = plain.target.map((value, i) => (i < 4 ? 1e3 : value));
    expect(await termsOf({ ...without, target })).toEqual(await termsOf(without));
  });
});

it('names variables in the order of their groups', async () => {
  const { train } = await openTrainer({ trainBatchSize: 2 }, () => joined(rows('i', 0, 2), rows('p', 0, 2)));
  const { parameters } = trial.model.noisePredictor;
  const names = [...parameters.entries().values()].map(({ variable }) => variableInfo(variable).name);
  expect(train.trained).toEqual(names);
});
