// Predicting what captions say, on text alone: from every state behind a caption's words - its end, and the padding -
// a linear layer tells the value of each column (noun, scene, colour …), or which words the caption had. Those states
// are most of what cross-attention sees, so that is where meaning has to be.
import { defineFunction, tf, type Program, type Tensor } from '@likeness/core';
import type { PictureStore } from '../data/pictureStore.ts';
import { planned, type Objective } from '../objective.ts';
import type { TextEncoderConfig } from '../schema.ts';
import type { ModelSetting } from '../stages/context.ts';
import { targetsOf, type Target } from './targets.ts';
import type { CaptionBatches } from './textEncoder.ts';
import { createHead } from './textHead.ts';

export function captionTargets(
  { model, config, emit }: ModelSetting,
  { pictures }: PictureStore,
  { columns }: TextEncoderConfig,
  batches: CaptionBatches,
): Objective {
  const { targets, width, labelsOf } = targetsOf(pictures, columns);
  if (targets.length === 1 && targets[0]?.kind === 'words')
    emit({
      type: 'warning',
      message: 'the data have no columns: the text encoder learns to tell the words of captions',
    });
  const { textEncoder } = model;
  const { inputs, batchSize } = batches;
  const head = createHead(
    textEncoder,
    config.seed,
    { inputIds: inputs.inputIds },
    (parameters, { inputIds }) => ({
      logits: parameters.linear('targets', textEncoder.encode(inputIds as Tensor), width),
    }),
  );
  const logitsOf = (inputIds: Tensor): Tensor =>
    head.parameters.linear('targets', textEncoder.encode(inputIds), width); // [B, T, N]
  const scores = defineFunction(inputs, ({ inputIds, behind }) => ({
    scores: tf.sum(tf.mul(logitsOf(inputIds), tf.expandDims(behind, 2)), 1), // [B, N]
  }));
  const feeds = (numbers: readonly number[]) => ({
    ...batches.feedsOf(numbers.map((number) => pictures[number]?.caption ?? '')),
    labels: labelsOf(numbers),
  });
  return {
    changed: textEncoder.name,
    groups: head.groups,
    initialValues: head.initialValues,
    losses: {
      predict: {
        inputs: { ...inputs, labels: { shape: [batchSize, width], dtype: 'float32' } },
        compute: ({ inputIds, behind, labels }) => {
          const logits = logitsOf(inputIds as Tensor);
          const terms = targets.map((target): [string, Tensor] => {
            const each = lossOf(target, logits, labels as Tensor); // [B, T]
            return [target.name, tf.div(tf.sum(tf.mul(each, behind as Tensor)), batchSize)];
          });
          return { total: tf.addN(terms.map(([, term]) => term)), terms: new Map(terms) };
        },
        share: 1,
      },
    },
    functions: { scores: planned(scores, 50) },
    lossAt: () => 'predict',
    batchOf: async (_, step) => feeds(batches.draw(step)),
    async measure(program: Program) {
      const right = targets.map(() => ({ sum: 0, count: 0 }));
      for (const { numbers, count } of batches.measured()) {
        const { labels, ...fed } = feeds(numbers);
        const { scores: told = [] } = await program.run('scores', fed);
        for (let row = 0; row < count; row++) {
          targets.forEach((target, i) => {
            const of = right[i];
            const score = accuracyOf(target, told, labels, row * width);
            if (of === undefined || score === undefined) return;
            of.sum += score;
            of.count += 1;
          });
        }
      }
      return Object.fromEntries(
        targets.map(({ name }, i) => [
          `accuracy.${name}`,
          (right[i]?.sum ?? 0) / Math.max(1, right[i]?.count ?? 0),
        ]),
      );
    },
    close: () => {
      head.parameters.dispose();
    },
  };
}

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
export function accuracyOf(
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
