// The tests every plugin passes, on a model of a few thousand weights, and those of your own.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tf } from '@likeness/core';
import { testPlugin } from '@likeness/core/testing';
import { dreambooth } from '@likeness/plugin-dreambooth';
import plugin, { pseudoHuberLoss } from './index.ts';

// A loss trains nothing by itself: beside it stands a method that does.
testPlugin(plugin, { describe, it, assert, options: { delta: 0.2 }, beside: [dreambooth()] });

describe('pseudoHuberLoss', () => {
  it('is the squared error near 0 and a line far from it, one number a picture', async () => {
    // tfjs' own backend computes at once; the engine's only records.
    const recording = tf.getBackend();
    await tf.setBackend('cpu');
    try {
      const prediction = tf.tensor4d([0.001, 100], [2, 1, 1, 1]);
      const part = {
        prediction,
        frozenPrediction: () => prediction,
        target: tf.zeros([2, 1, 1, 1]),
        timesteps: tf.zeros([2]),
        timestepWeights: tf.ones([2]),
        mask: tf.ones([2, 1, 1, 1]),
      };
      const [near = NaN, far = NaN] = pseudoHuberLoss(1).compute({ instance: part }).dataSync();
      assert.ok(Math.abs(near - 1e-6) < 1e-7, `near 0: ${near}`);
      assert.ok(Math.abs(far - 198) < 0.1, `far from it: ${far}`);
    } finally {
      await tf.setBackend(recording);
    }
  });
});
