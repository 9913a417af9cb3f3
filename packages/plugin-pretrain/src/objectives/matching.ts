// What contrastive losses share: rows of length 1, and who should find whom within a batch.
import { tf, type ComposedLoss, type Tensor } from '@likeness/core';

/** CLIP's bound on its temperature's logarithm. */
export const MAX_LOG_SCALE = Math.log(100);

/** Rows of length 1. */
export const unit = (x: Tensor): Tensor => tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), 1, true), 1e-12)));

/** Mean over the rows of `scores` `[B, B]` of the cross-entropy with `wanted` `[B, B]`, whose rows sum to 1. */
export const crossEntropy = (scores: Tensor, wanted: Tensor): Tensor =>
  tf.neg(tf.mean(tf.sum(tf.mul(wanted, tf.logSoftmax(scores)), 1)));

/** CLIP's loss on `scores` `[B, B]`, captions down: each finds its picture, and each picture its caption. */
export function matchingLoss(scores: Tensor, wanted: Tensor): ComposedLoss {
  const terms = new Map([
    ['findsPicture', crossEntropy(scores, wanted)],
    ['findsCaption', crossEntropy(tf.transpose(scores), wanted)],
  ]);
  return { total: tf.div(tf.addN([...terms.values()]), 2), terms };
}

/** `[B, B]`: rows with equal keys may find each other; each row sums to 1. Symmetric, so columns do as well. */
export function equalRows(keys: readonly string[]): Float32Array {
  const size = keys.length;
  const same = new Float32Array(size * size);
  keys.forEach((key, row) => {
    const equal = keys.flatMap((other, column) => (other === key ? [column] : []));
    for (const column of equal) same[row * size + column] = 1 / equal.length;
  });
  return same;
}

/** Of a batch's captions and pictures, `similarities` `[rows, size]`: how many captions find their own picture. */
export function countMatches(
  similarities: ArrayLike<number>,
  size: number,
  keys: readonly string[],
  rows: number,
): number {
  let right = 0;
  for (let row = 0; row < rows; row++) {
    let best = 0;
    for (let column = 1; column < rows; column++) {
      if ((similarities[row * size + column] ?? 0) > (similarities[row * size + best] ?? 0)) best = column;
    }
    right += keys[best] === keys[row] ? 1 : 0;
  }
  return right;
}
