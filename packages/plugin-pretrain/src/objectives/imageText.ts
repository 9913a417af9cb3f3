// CLIP (Radford et al. 2021), small: a tower for pictures and one for captions; in every batch each caption has to find
// its picture among all, and each picture its caption.
import { createRng, float32, int32, tf, type Tensor } from '@likeness/core';
import { withoutWord } from '../data/captions.ts';
import { pictureOrder } from '../data/draw.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { ImageTextConfig } from '../encoderSchema.ts';
import { planned, type Objective } from '../objective.ts';
import type { EncoderSetting } from '../stages/context.ts';
import { encoderBatches, encoderGroups } from './encoderBatches.ts';
import { countMatches, matchingLoss, equalRows, MAX_LOG_SCALE, unit } from './matching.ts';
import type { ViewRanges } from './views.ts';

/** Captions say left and right, colours and sizes: those stay what they are. */
const VIEWS: ViewRanges = { flip: 0, zoom: 1.12, shift: 0.04, blurPx: 1, light: 0.12, hueDegrees: 6 };

export function imageTextObjective(
  setting: EncoderSetting,
  store: PictureStore,
  { batchSize, leaveOut, leaveOutShare }: ImageTextConfig,
): Objective {
  const { model, config } = setting;
  const { text } = model;
  if (text === undefined) throw new Error('an encoder of pictures and texts has a text tower');
  const rng = createRng(config.seed);
  const order = pictureOrder(store.training, rng, 'imageText.order');
  const batches = encoderBatches(setting, store, batchSize, VIEWS);
  const ids = int32(batchSize, text.maxLength);
  const captionsOf = (numbers: readonly number[]): string[] =>
    numbers.map((number) => store.pictures[number]?.caption ?? '');
  /** Captions of a step, some without a word. */
  const saidAt = (numbers: readonly number[], step: number): string[] => {
    const draws = rng.stream('imageText.leaveOut', step, 0).uniform(batchSize * Math.max(1, leaveOut.length));
    return captionsOf(numbers).map((caption, row) =>
      leaveOut.reduce((said, column, i) => {
        const word = store.pictures[numbers[row] ?? 0]?.columns[column];
        const lacks = (draws[row * leaveOut.length + i] ?? 1) < leaveOutShare;
        return lacks && word !== undefined ? withoutWord(said, word) : said;
      }, caption),
    );
  };
  // Captions come back every epoch.
  const known = new Map<string, Int32Array>();
  const idsOf = (captions: readonly string[]): Int32Array => {
    const fed = new Int32Array(captions.length * text.maxLength);
    captions.forEach((caption, row) => {
      const own = known.get(caption) ?? text.tokenizer.encodePadded(caption);
      known.set(caption, own);
      fed.set(own, row * text.maxLength);
    });
    return fed;
  };
  /** `[B, B]`: captions down, pictures across. */
  const similarities = (inputIds: Tensor, pixels: Tensor): Tensor => {
    const scale = tf.exp(tf.minimum(text.logitScale(), MAX_LOG_SCALE));
    return tf.mul(scale, tf.matMul(unit(text.encode(inputIds)), unit(model.encode(pixels)), false, true));
  };
  const match = batches.plain(
    (pixels, { inputIds }) => ({ similarities: similarities(inputIds as Tensor, pixels) }),
    {
      inputIds: ids,
    },
  );
  return {
    changed: ['encoder'],
    groups: encoderGroups(model),
    initialValues: new Map(),
    losses: {
      match: {
        inputs: { ...batches.inputs, inputIds: ids, same: float32(batchSize, batchSize) },
        compute: ({ inputIds, same, ...fed }) => {
          return matchingLoss(similarities(inputIds as Tensor, batches.pixelsOf(fed)), same as Tensor);
        },
        share: 1,
      },
    },
    functions: { match: planned(match, 50) },
    lossAt: () => 'match',
    async batchOf(_, step) {
      const numbers = order(step, batchSize);
      const captions = saidAt(numbers, step);
      const fed = await batches.feedsOf(numbers, step);
      return { ...fed, inputIds: idsOf(captions), same: equalRows(captions) };
    },
    async measure(program) {
      let [right, asked] = [0, 0];
      for (const { numbers, count } of batches.measured()) {
        const captions = captionsOf(numbers);
        const fed = { ...(await batches.plainFeeds(numbers)), inputIds: idsOf(captions) };
        const { similarities: told = [] } = await program.run('match', fed);
        right += countMatches(told, batchSize, captions, count);
        asked += count;
      }
      return { [`retrieved.of${batchSize}`]: right / asked };
    },
    close: () => undefined,
  };
}
