// AdamW (Loshchilov & Hutter 2019) and Adam (Kingma & Ba 2015), as torch.optim computes them.
import { tf, type Tensor, type Tensor1D } from '../tf.ts';
import { assignUpdate, createBuckets, flatGradient, forEachBucket } from './optimizer.ts';
import type { Optimizer, OptimizerGroup } from './optimizer.ts';

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
  const buckets = createBuckets(groups, name, ['exp_avg', 'exp_avg_sq']);
  return {
    groups,
    state: buckets.flatMap(({ slots }) => Object.values(slots)),
    apply(gradients, { learningRates, biasCorrection1, biasCorrection2 }, clip) {
      forEachBucket(buckets, (bucket, first) => {
        const { exp_avg: average, exp_avg_sq: squares } = bucket.slots;
        const learningRate = learningRates[bucket.group];
        const weightDecay = groups[bucket.group]?.weightDecay ?? 0;
        if (!average || !squares || !learningRate)
          throw new Error('a bucket without its state or learning rate');
        let g: Tensor1D = flatGradient(bucket, gradients[bucket.group] ?? [], first, clip);
        if (!decoupled && weightDecay !== 0) {
          const parameters = tf.concat1d(bucket.variables.map((v) => tf.reshape(v, [v.size]) as Tensor1D));
          g = tf.add(g, tf.mul(parameters, weightDecay));
        }
        const m = tf.add(tf.mul(average, beta1), tf.mul(g, 1 - beta1)) as Tensor1D;
        const v = tf.add(tf.mul(squares, beta2), tf.mul(tf.square(g), 1 - beta2)) as Tensor1D;
        average.assign(m);
        squares.assign(v);
        const denominator = tf.add(tf.div(tf.sqrt(v), tf.sqrt(biasCorrection2)), epsilon);
        const update = tf.mul(tf.div(learningRate, biasCorrection1), tf.div(m, denominator)) as Tensor1D;
        const keep: Tensor | undefined =
          decoupled && weightDecay !== 0 ? tf.sub(1, tf.mul(learningRate, weightDecay)) : undefined;
        assignUpdate(bucket, update, keep);
      });
    },
  };
}

export const adamW = (groups: readonly OptimizerGroup[], options: AdamOptions = {}): Optimizer =>
  createAdam(groups, 'adamw', options, true);

export const adam = (groups: readonly OptimizerGroup[], options: AdamOptions = {}): Optimizer =>
  createAdam(groups, 'adam', options, false);
