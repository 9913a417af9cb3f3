// A small kernel with both of its channel axes widened (LyCORIS: `rebuild_tucker`).
import { tf, type Tensor } from '@likeness/core';

/**
 * Traced: `Σᵢⱼ core[i, j, …] · a[i, p] · b[j, q]`.
 * @param core `[i, j, h, w]`
 * @param a `[i, p]`
 * @param b `[j, q]`
 * @returns `[p, q, h, w]`
 */
export function tuckerProduct(core: Tensor, a: Tensor, b: Tensor): Tensor {
  const [i = 1, j = 1, h = 1, w = 1] = core.shape;
  const [p = 1, q = 1] = [a.shape[1], b.shape[1]];
  const rows = tf.reshape(tf.transpose(core, [0, 2, 3, 1]), [-1, j]);
  const widened = tf.reshape(tf.matMul(rows, b), [i, h * w * q]); // [i, h · w · q]
  const both = tf.reshape(tf.matMul(a, widened, true, false), [p, h, w, q]);
  return tf.transpose(both, [0, 3, 1, 2]);
}
