// Ops under names of our own.
import { tf, type Tensor, type Tensor1D } from '../tf.ts';

/** Rows of a table: `gatherRows([N, D], ids […])` → `[…, D]`; the gradient adds each row's gradients up. */
export const gatherRows = (table: Tensor, ids: Tensor): Tensor => tf.gather(table, ids as Tensor1D, 0);
