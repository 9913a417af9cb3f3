// What keeps the class what it was: the base model's own pictures of it are learned along with the subject.
// Ruiz et al. 2022 (arXiv 2208.12242), equation 2, second term; train_dreambooth.py: `prior_loss`.
import { tf, type BatchPart, type Tensor } from '@likeness/core';

/**
 * Squared error on the class pictures, weighted by their own timesteps and masks.
 * @returns one loss per picture, `[B]`: the mean over its latent, as torch's `mse_loss` has it
 */
export function priorPreservationLoss({ prediction, target, timestepWeights, mask }: BatchPart): Tensor {
  const squaredError = tf.mul(tf.squaredDifference(prediction, target), mask); // [B, h, w, C]
  return tf.mul(tf.mean(squaredError, [1, 2, 3]), timestepWeights); // [B]
}
