// A classifier: which noun, scene and colour a picture shows. It trains beside the judges and never with them, so that
// what generated pictures show is told by somebody who taught nobody.
import { createRng, float32, tf, type Tensor } from '@likeness/core';
import { pictureOrder } from '../data/draw.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { ClassifierConfig } from '../encoderSchema.ts';
import { planned, type Objective } from '../objective.ts';
import type { EncoderSetting } from '../stages/context.ts';
import { columnAccuracy, lossOf } from './columnScores.ts';
import { encoderBatches, encoderGroups } from './encoderBatches.ts';
import { targetsOf } from './targets.ts';
import type { ViewRanges } from './views.ts';

const VIEWS: ViewRanges = { flip: 0.5, zoom: 1.2, shift: 0.08, blurPx: 1.2, light: 0.12, hueDegrees: 6 };

export function classifierObjective(
  setting: EncoderSetting,
  store: PictureStore,
  { batchSize }: ClassifierConfig,
): Objective {
  const { model, config } = setting;
  const { labels } = model;
  if (labels === undefined) throw new Error('a classifier has labels');
  const { targets, width, labelsOf } = targetsOf(store.pictures, Object.keys(labels.columns), labels.columns);
  const order = pictureOrder(store.training, createRng(config.seed), 'classifier.order');
  const batches = encoderBatches(setting, store, batchSize, VIEWS);
  return {
    changed: ['encoder'],
    groups: encoderGroups(model),
    initialValues: new Map(),
    losses: {
      predict: {
        inputs: { ...batches.inputs, labels: float32(batchSize, width) },
        compute: ({ labels: wanted, ...fed }) => {
          const scores = tf.expandDims(labels.classify(batches.pixelsOf(fed)), 1); // [B, 1, N]
          const terms = targets.map((target): [string, Tensor] => [
            target.name,
            tf.mean(lossOf(target, scores, wanted as Tensor)),
          ]);
          return { total: tf.addN(terms.map(([, term]) => term)), terms: new Map(terms) };
        },
        share: 1,
      },
    },
    functions: {
      scores: planned(
        batches.plain((pixels) => ({ scores: labels.classify(pixels) })),
        50,
      ),
    },
    lossAt: () => 'predict',
    async batchOf(_, step) {
      const numbers = order(step, batchSize);
      return { ...(await batches.feedsOf(numbers, step)), labels: labelsOf(numbers) };
    },
    async measure(program) {
      const accuracy = columnAccuracy(targets, width);
      for (const { numbers, count } of batches.measured()) {
        const { scores: told = [] } = await program.run('scores', await batches.plainFeeds(numbers));
        accuracy.add(told, labelsOf(numbers), count);
      }
      return accuracy.measures();
    },
    close: () => undefined,
  };
}
