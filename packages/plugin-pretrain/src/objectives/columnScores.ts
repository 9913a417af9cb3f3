// What columns cost and how often they are told right, whichever network tells them.
import { tf, type Tensor } from '@likeness/core';
import type { Target } from './targets.ts';

/** Cross-entropy of a column (0 where a caption has no value), or of each word being there. `[B, T]` */
export function lossOf({ kind, first, values }: Target, logits: Tensor, labels: Tensor): Tensor {
  const [batch = 1, tokens = 1] = logits.shape;
  const own = tf.slice(logits, [0, 0, first], [batch, tokens, values.length]);
  const wanted = tf.expandDims(tf.slice(labels, [0, first], [batch, values.length]), 1); // [B, 1, n]
  if (kind === 'column') return tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(own)), 2));
  // log(1 + eˣ) − x y, without overflow
  const positive = tf.add(tf.relu(own), tf.log(tf.add(1, tf.exp(tf.neg(tf.abs(own))))));
  return tf.mean(tf.sub(positive, tf.mul(own, wanted)), 2);
}

/** 1 or 0 for a column, a share of the words that are told right; undefined where the caption has no value. */
function accuracyOf(
  { kind, first, values }: Target,
  scores: ArrayLike<number>,
  labels: Float32Array,
  row: number,
): number | undefined {
  const at = (of: ArrayLike<number>, i: number): number => of[row + first + i] ?? 0;
  const places = values.map((_, i) => i);
  if (kind === 'words') {
    const there = places.filter((i) => at(labels, i) > 0);
    return there.length === 0 ? undefined : there.filter((i) => at(scores, i) > 0).length / there.length;
  }
  const wanted = places.find((i) => at(labels, i) > 0);
  if (wanted === undefined) return undefined;
  return places.every((i) => i === wanted || at(scores, i) < at(scores, wanted)) ? 1 : 0;
}

/** Accuracy of every target over batches of `scores` and `labels`, `[rows, width]` each. */
export function columnAccuracy(targets: readonly Target[], width: number) {
  const tallies = targets.map((target) => ({ target, sum: 0, count: 0 }));
  return {
    /** @param rows how many of the batch's rows count */
    add(scores: ArrayLike<number>, labels: Float32Array, rows: number): void {
      for (let row = 0; row < rows; row++) {
        for (const tally of tallies) {
          const score = accuracyOf(tally.target, scores, labels, row * width);
          if (score === undefined) continue;
          tally.sum += score;
          tally.count += 1;
        }
      }
    },
    /** `accuracy.NAME` → share; without columns that no picture has a value of. */
    measures: (): Record<string, number> =>
      Object.fromEntries(
        tallies
          .filter(({ count }) => count > 0)
          .map(({ target, sum, count }) => [`accuracy.${target.name}`, sum / count]),
      ),
  };
}
