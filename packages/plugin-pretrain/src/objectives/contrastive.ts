// Captions and pictures in one space (CLIP, Radford et al. 2021): a small picture network beside the text encoder, and
// in every batch each caption has to find its picture among all. Captions that are equal have each other's pictures.
import { defineFunction, float32, tf, type Parameters, type Program, type Tensor } from '@likeness/core';
import { toUnitRange } from '../data/draw.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import { planned, type Objective } from '../objective.ts';
import type { TextEncoderConfig } from '../schema.ts';
import type { ModelSetting } from '../stages/context.ts';
import { countMatches, matchingLoss, equalRows, MAX_LOG_SCALE, unit } from './matching.ts';
import type { CaptionBatches } from './textEncoder.ts';
import { createHead } from './textHead.ts';

/** Where CLIP's temperature starts: 1 / 0.07. */
const LOG_SCALE_START = Math.log(1 / 0.07);
const LOG_SCALE = 'logit_scale';

export function contrastive(
  { model, config, resolution }: ModelSetting,
  store: PictureStore,
  { imageTowerWidth, embeddingWidth }: TextEncoderConfig,
  batches: CaptionBatches,
): Objective {
  const { textEncoder } = model;
  const { batchSize } = batches;
  const inputs = { ...batches.inputs, pixels: float32(batchSize, resolution, resolution, 3) };
  /** Similarities `[B, B]`: captions down, pictures across. */
  const similarities = (
    parameters: Parameters,
    fed: Readonly<Record<keyof typeof inputs, Tensor>>,
  ): Tensor => {
    const states = textEncoder.encode(fed.inputIds);
    const meaning = tf.sum(tf.mul(states, tf.expandDims(fed.behind, 2)), 1); // [B, D]
    const texts = unit(parameters.linear('text_projection', meaning, embeddingWidth, { bias: false }));
    const images = unit(imageTower(parameters, fed.pixels, imageTowerWidth, embeddingWidth));
    const scale = tf.exp(tf.minimum(parameters.get(LOG_SCALE, [1]), MAX_LOG_SCALE));
    return tf.mul(scale, tf.matMul(texts, images, false, true));
  };
  const head = createHead(textEncoder, config.seed, inputs, (parameters, fed) => ({
    y: similarities(parameters, fed as Record<keyof typeof inputs, Tensor>),
  }));
  const match = defineFunction(inputs, (fed) => ({ similarities: similarities(head.parameters, fed) }));
  const captionsOf = (numbers: readonly number[]): string[] =>
    numbers.map((number) => store.pictures[number]?.caption ?? '');
  const feeds = async (numbers: readonly number[]) => ({
    ...batches.feedsOf(captionsOf(numbers)),
    pixels: toUnitRange(await store.read(numbers)),
  });
  return {
    changed: [textEncoder.name],
    groups: head.groups,
    initialValues: new Map([
      ...head.initialValues,
      [head.parameters.variableName(LOG_SCALE), Float32Array.of(LOG_SCALE_START)],
    ]),
    losses: {
      match: {
        inputs: { ...inputs, same: float32(batchSize, batchSize) },
        compute: ({ same, ...fed }) => {
          const scores = similarities(head.parameters, fed as Record<keyof typeof inputs, Tensor>);
          return matchingLoss(scores, same as Tensor);
        },
        share: 1,
      },
    },
    functions: { match: planned(match, 50) },
    lossAt: () => 'match',
    async batchOf(_, step) {
      const numbers = batches.draw(step);
      return { ...(await feeds(numbers)), same: equalRows(captionsOf(numbers)) };
    },
    async measure(program: Program) {
      let [right, count] = [0, 0];
      for (const { numbers, count: rows } of batches.measured()) {
        const captions = captionsOf(numbers);
        const { similarities: told = [] } = await program.run('match', await feeds(numbers));
        right += countMatches(told, batchSize, captions, rows);
        count += rows;
      }
      return { [`retrieved.of${batchSize}`]: right / count };
    },
    close: () => {
      head.parameters.dispose();
    },
  };
}

/** Convolutions that halve the side, each followed by normalisation over the picture, then the mean over all places. */
function imageTower(parameters: Parameters, pixels: Tensor, width: number, embedding: number): Tensor {
  let x = pixels;
  for (const [i, factor] of [1, 2, 4, 8].entries()) {
    x = parameters.conv2d(`image_tower.${i}`, x, width * factor, { stride: 2 });
    const centered = tf.sub(x, tf.mean(x, [1, 2, 3], true));
    const variance = tf.mean(tf.square(centered), [1, 2, 3], true);
    x = tf.mul(centered, tf.rsqrt(tf.add(variance, 1e-5)));
    x = tf.mul(x, tf.sigmoid(x));
  }
  return parameters.linear('image_projection', tf.mean(x, [1, 2]), embedding, { bias: false });
}
