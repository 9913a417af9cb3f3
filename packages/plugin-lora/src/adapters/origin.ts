// LoRA that did not begin at zero (PiSSA): y = W x + s · (B A − B₀ A₀) x, with the first values held beside the learned
// ones. As one LoRA of twice the rank, [B, −B₀] [A; A₀], on the model as it is: so it computes, and so it is exported.
import { tf, type Tensor } from '@likeness/core';
import type { Parts, Shape } from './adapter.ts';

export interface Origin {
  /** A₀, in the shape of `down`. */
  readonly down: Tensor;
  /** −B₀, in the shape of `up`. */
  readonly up: Tensor;
}

/** Traced: both as one, of twice the rank. */
export function beside({ down, up, ...others }: Parts<Tensor>, origin: Origin): Parts<Tensor> {
  if (down === undefined || up === undefined) throw new Error('only LoRA begins as part of a weight');
  return { ...others, down: tf.concat([down, origin.down], 0), up: tf.concat([up, origin.up], 1) };
}

/** Traced: does to the states of A₀ what is done to those of A: a dropped rank takes its beginning along. */
export function halves(states: Tensor, thin: (narrow: Tensor) => Tensor): Tensor {
  const axis = states.rank - 1;
  const both = tf.split(states, 2, axis);
  return tf.concat(both.map(thin), axis);
}

interface Values {
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** `beside` on numbers, for files. */
export function valuesBeside(
  learned: Record<'down' | 'up', Values>,
  origin: Record<'down' | 'up', Values>,
): Record<'down' | 'up', Values> {
  const [rank = 0, ...inner] = learned.down.shape;
  const [out = 0, , ...kernel] = learned.up.shape;
  const down = new Float32Array(2 * learned.down.values.length);
  down.set(learned.down.values);
  down.set(origin.down.values, learned.down.values.length);
  const up = new Float32Array(2 * learned.up.values.length);
  for (let row = 0; row < out; row++) {
    up.set(learned.up.values.subarray(row * rank, (row + 1) * rank), 2 * row * rank);
    up.set(origin.up.values.subarray(row * rank, (row + 1) * rank), (2 * row + 1) * rank);
  }
  return {
    down: { shape: [2 * rank, ...inner], values: down },
    up: { shape: [out, 2 * rank, ...kernel], values: up },
  };
}
