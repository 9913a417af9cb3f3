// Against torch's mse_loss on the same numbers. Runs on tfjs' own cpu backend: a loss is plain tfjs code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor, tf, type BatchPart, type Tensor } from '@likeness/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { priorPreservationTerm } from './ppl.ts';
import { priorPreservationLoss } from './priorPreservationLoss.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/losses');
interface Expected {
  readonly expected: {
    readonly dreambooth: {
      readonly instance: number;
      readonly prior: number;
      readonly total: Record<string, number>;
    };
  };
  readonly tolerance: { readonly rtol: number };
}
const { expected, tolerance } = JSON.parse(readFileSync(join(FIXTURES, 'losses.json'), 'utf8')) as Expected;

const before = tf.getBackend();
beforeAll(() => tf.setBackend('cpu'));
afterAll(() => tf.setBackend(before));

/** Rows of a fixture as NHWC. */
async function rows(name: string, from: number, count: number): Promise<Tensor> {
  const { tensors } = await readSafetensorsHeader(join(FIXTURES, 'losses.safetensors'));
  const entry = tensors.get(name);
  if (entry === undefined) throw new Error(`no ${name}`);
  const all = tf.tensor4d(await readTensor(entry), entry.shape as [number, number, number, number]);
  return tf.transpose(all.slice([from, 0, 0, 0], [count, -1, -1, -1]), [0, 2, 3, 1]);
}

async function batchPart(from: number, weights: number[], maskValue = 1): Promise<BatchPart> {
  const prediction = await rows('prior.model_pred', from, weights.length);
  const [b = 0, h = 0, w = 0] = prediction.shape;
  return {
    prediction,
    target: await rows('prior.target', from, weights.length),
    timesteps: tf.zeros([b]),
    timestepWeights: tf.tensor1d(weights),
    mask: tf.fill([b, h, w, 1], maskValue),
    frozenPrediction: () => prediction,
  };
}
const relativeError = (got: number, wanted: number): number => Math.abs(got - wanted) / Math.abs(wanted);

it('equals the reference on the class half, and with any weight λ in the total', async () => {
  const instance = await batchPart(0, [1, 1, 1]);
  const prior = await batchPart(3, [1, 1, 1]);
  const perPicture = priorPreservationLoss(prior);
  expect(perPicture.shape).toEqual([3]);
  expect(relativeError(tf.mean(perPicture).arraySync() as number, expected.dreambooth.prior)).toBeLessThan(
    tolerance.rtol,
  );
  // Core's loss on the instance half is the same mean squared error.
  const instanceLoss = tf.mean(priorPreservationLoss(instance)).arraySync() as number;
  for (const [lambda, total] of Object.entries(expected.dreambooth.total)) {
    const term = priorPreservationTerm(Number(lambda));
    const weighted = term.weight * (tf.mean(term.compute({ instance, prior })).arraySync() as number);
    expect(relativeError(instanceLoss + weighted, total)).toBeLessThan(tolerance.rtol);
  }
});

it('weights each class picture by its own timestep and by masks', async () => {
  const plain = priorPreservationLoss(await batchPart(3, [1, 1])).arraySync() as number[];
  const weighted = priorPreservationLoss(await batchPart(3, [0.5, 2], 0.5)).arraySync() as number[];
  expect(weighted[0]).toBeCloseTo((plain[0] ?? 0) * 0.25, 6);
  expect(weighted[1]).toBeCloseTo(plain[1] ?? 0, 6);
});
