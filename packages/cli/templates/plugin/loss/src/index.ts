// A loss: how far the prediction is from what it should be. This one is the pseudo-Huber loss, which outliers among the
// pictures pull less than the squared error (arXiv 2403.16728). Make it yours from here.
import { definePlugin, tf, type LossTerm } from '@likeness/core';
import { z } from 'zod';

export default definePlugin({
  // What recipes say: pipeline run dreambooth+my-plugin
  name: 'my-plugin',
  version: '0.1.0',
  description: 'pseudo-Huber loss instead of the mean squared error',
  // Every option becomes a flag (--delta); the description is its help. The schema is strict: typing errors are told.
  options: z.strictObject({
    delta: z
      .number()
      .positive()
      .default(0.1)
      .meta({ description: 'where the loss turns from a square into a line' }),
  }),
  // In place of core's loss. A loss beside it would be one of `lossTerms`, under a name and with a weight of its own.
  setup: ({ delta }) => ({ denoisingLoss: pseudoHuberLoss(delta) }),
});

/** `δ² (√(1 + (e/δ)²) − 1) · 2`: near 0 the squared error, far from it `2 δ |e|`. */
export const pseudoHuberLoss = (delta: number): LossTerm => ({
  name: 'instance',
  weight: 1,
  compute: ({ instance: { prediction, target, mask, timestepWeights } }) => {
    const ratio = tf.div(tf.sub(prediction, target), delta); // [B, h, w, C]
    const bent = tf.sub(tf.sqrt(tf.add(tf.square(ratio), 1)), 1);
    const loss = tf.mul(bent, 2 * delta * delta);
    // One loss a picture: core takes the mean, after masks and weights by timestep.
    return tf.mul(tf.mean(tf.mul(loss, mask), [1, 2, 3]), timestepWeights); // [B]
  },
});
