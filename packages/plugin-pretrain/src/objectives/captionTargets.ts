// Predicting what captions say, on text alone: from every state behind a caption's words - its end, and the padding -
// a linear layer tells the value of each column (noun, scene, colour …), or which words the caption had. Those states
// are most of what cross-attention sees, so that is where meaning has to be.
import { defineFunction, tf, type Program, type Tensor } from '@likeness/core';
import type { PictureStore } from '../data/pictureStore.ts';
import { planned, type Objective } from '../objective.ts';
import type { TextEncoderConfig } from '../schema.ts';
import type { ModelSetting } from '../stages/context.ts';
import { columnAccuracy, lossOf } from './columnScores.ts';
import { targetsOf } from './targets.ts';
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
      code: 'pretrain/no-columns',
      text: 'the data have no columns: the text encoder learns to tell the words of captions',
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
    changed: [textEncoder.name],
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
      const accuracy = columnAccuracy(targets, width);
      for (const { numbers, count } of batches.measured()) {
        const { labels, ...fed } = feeds(numbers);
        const { scores: told = [] } = await program.run('scores', fed);
        accuracy.add(told, labels, count);
      }
      return accuracy.measures();
    },
    close: () => {
      head.parameters.dispose();
    },
  };
}
