// AdamW (Loshchilov & Hutter 2019) and Adam (Kingma & Ba 2015), as torch.optim computes them.
import { tf } from '../tf.ts';
import { createOptimizer, type Optimizer, type OptimizerGroup } from './optimizer.ts';

export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** @param decoupled AdamW decays the parameter itself; Adam adds the decay to the gradient. */
function createAdam(
  groups: readonly OptimizerGroup[],
  name: string,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions,
  decoupled: boolean,
): Optimizer {
  return createOptimizer(
    groups,
    name,
    ['exp_avg', 'exp_avg_sq'],
    ({ weightDecay }, learningRate, { biasCorrection1, biasCorrection2 }) => {
      const stepSize = tf.div(learningRate, biasCorrection1);
      const root = tf.sqrt(biasCorrection2);
      const keep = tf.sub(1, tf.mul(learningRate, weightDecay));
      return ({ parameter, gradient, slots: { exp_avg: average, exp_avg_sq: squares } }) => {
        const decays = weightDecay !== 0;
        const g = decays && !decoupled ? tf.add(gradient, tf.mul(parameter, weightDecay)) : gradient;
        const m = tf.add(tf.mul(average, beta1), tf.mul(g, 1 - beta1));
        const v = tf.add(tf.mul(squares, beta2), tf.mul(tf.square(g), 1 - beta2));
        average.assign(m);
        squares.assign(v);
        const update = tf.mul(stepSize, tf.div(m, tf.add(tf.div(tf.sqrt(v), root), epsilon)));
        parameter.assign(tf.sub(decays && decoupled ? tf.mul(parameter, keep) : parameter, update));
      };
    },
  );
}

export const adamW = (groups: readonly OptimizerGroup[], options: AdamOptions = {}): Optimizer =>
  createAdam(groups, 'adamw', options, true);

export const adam = (groups: readonly OptimizerGroup[], options: AdamOptions = {}): Optimizer =>
  createAdam(groups, 'adam', options, false);
