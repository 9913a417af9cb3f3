// The loss every diffusion method starts from: mean squared error between prediction and target (Ho et al. 2020, eq. 14).
import { tf, type Tensor } from '@likeness/engine';
import type { BatchPart, LossTerm } from '../contracts.ts';

/**
 * One loss per picture: squared error, weighted by mask and by timestep, averaged over all elements.
 * The mean is not divided by the mask's sum, as in kohya's masked loss: a small mask makes a small loss.
 * @returns `[B]`
 */
export function denoisingLoss({ prediction, target, mask, timestepWeights }: BatchPart): Tensor {
  const error = tf.mul(tf.squaredDifference(prediction, target), mask); // [B, h, w, C]
  return tf.mul(tf.mean(error, [1, 2, 3]), timestepWeights);
}

/** Core's own denoising term, on the instance pictures. */
export const instanceLoss: LossTerm = {
  name: 'instance',
  weight: 1,
  compute: ({ instance }) => denoisingLoss(instance),
};
