// Stochastic gradient descent with momentum, as torch.optim.SGD computes it (dampening 0, no Nesterov).
import { tf } from '../tf.ts';
import { createOptimizer, type Optimizer, type OptimizerGroup } from './optimizer.ts';

export interface SgdOptions {
  readonly momentum?: number;
}

export function sgd(groups: readonly OptimizerGroup[], { momentum = 0 }: SgdOptions = {}): Optimizer {
  const slotNames = momentum === 0 ? [] : (['momentum_buffer'] as const);
  return createOptimizer<'momentum_buffer'>(groups, 'sgd', slotNames, ({ weightDecay }, learningRate) => {
    return ({ parameter, gradient, slots: { momentum_buffer: buffer } }) => {
      let step = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(parameter, weightDecay));
      if (momentum !== 0) {
        step = tf.add(tf.mul(buffer, momentum), step);
        buffer.assign(step);
      }
      parameter.assign(tf.sub(parameter, tf.mul(step, learningRate)));
    };
  });
}
