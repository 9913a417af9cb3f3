// Ops under names of our own.
import { tf, type Tensor, type Tensor1D } from '../tf.ts';

/** Rows of a table: `gatherRows([N, D], ids […])` → `[…, D]`; the gradient adds each row's gradients up. */
export const gatherRows = (table: Tensor, ids: Tensor): Tensor => tf.gather(table, ids as Tensor1D, 0);

/** The same values as a constant: no gradient flows through (torch's `detach`). */
export const stopGradient = <T extends Tensor>(x: T): T =>
  tf.customGrad((value) => ({
    value: tf.clone(value as Tensor),
    gradFunc: () => tf.zerosLike(value as Tensor),
  }))(x) as T;
