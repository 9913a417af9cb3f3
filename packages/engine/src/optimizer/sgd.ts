// Stochastic gradient descent with momentum, as torch.optim.SGD computes it (dampening 0, no Nesterov).
import { tf, type Tensor, type Tensor1D } from '../tf.ts';
import { assignUpdate, createBuckets, flatGradient, forEachBucket } from './optimizer.ts';
import type { Optimizer, OptimizerGroup } from './optimizer.ts';

export interface SgdOptions {
  readonly momentum?: number;
}

export function sgd(groups: readonly OptimizerGroup[], { momentum = 0 }: SgdOptions = {}): Optimizer {
  const buckets = createBuckets(groups, 'sgd', momentum === 0 ? [] : ['momentum_buffer']);
  return {
    groups,
    state: buckets.flatMap(({ slots }) => Object.values(slots)),
    apply(gradients, { learningRates }, clip) {
      forEachBucket(buckets, (bucket, first) => {
        const learningRate = learningRates[bucket.group];
        const weightDecay = groups[bucket.group]?.weightDecay ?? 0;
        if (!learningRate) throw new Error('a bucket without its learning rate');
        let step: Tensor1D = flatGradient(bucket, gradients[bucket.group] ?? [], first, clip);
        const { momentum_buffer: buffer } = bucket.slots;
        if (weightDecay !== 0) {
          const parameters = tf.concat1d(bucket.variables.map((v) => tf.reshape(v, [v.size]) as Tensor1D));
          step = tf.add(step, tf.mul(parameters, weightDecay));
        }
        if (buffer) {
          step = tf.add(tf.mul(buffer, momentum), step) as Tensor1D;
          buffer.assign(step);
        }
        assignUpdate(bucket, tf.mul(step, learningRate as Tensor));
      });
    },
  };
}
