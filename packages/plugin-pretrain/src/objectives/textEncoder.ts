// The text encoder: what it learns before the noise predictor looks at its states. A noise predictor beside an untrained
// text encoder does not learn to read at all in the time this takes (docs/pretraining.md has the figures).
import { createRng, float32, int32, type TensorSpec } from '@likeness/core';
import { pictureOrder } from '../data/draw.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { Objective } from '../objective.ts';
import type { TextEncoderConfig } from '../schema.ts';
import type { ModelSetting } from '../stages/context.ts';
import { captionTargets } from './captionTargets.ts';
import { contrastive } from './contrastive.ts';

/** What both ways of training it share: ids, and where each caption ends. */
export interface CaptionBatches {
  readonly batchSize: number;
  readonly inputs: Readonly<Record<'inputIds' | 'behind', TensorSpec>>;
  /** Ids `[B, T]`, and weights `[B, T]` of the states behind a caption's words: its end and the padding; 1 in all. */
  feedsOf(texts: readonly string[]): Record<'inputIds', Int32Array> & Record<'behind', Float32Array>;
  /** Pictures of a step. */
  draw(step: number): number[];
  /** Pictures of measures, in batches; the last one is filled up, `count` rows of it count. */
  measured(): { readonly numbers: readonly number[]; readonly count: number }[];
}

export function textEncoderObjective(
  setting: ModelSetting,
  pictures: PictureStore,
  settings: TextEncoderConfig,
): Objective {
  const { model, config } = setting;
  const { textEncoder, tokenizer } = model;
  const { batchSize, objective } = settings;
  const { maxLength } = textEncoder;
  const order = pictureOrder(pictures.training, createRng(config.seed), 'textEncoder.order');
  const behindOf = (text: string): Float32Array => {
    const end = Math.min(maxLength - 1, tokenizer.encode(text).length + 1);
    return new Float32Array(maxLength).fill(1 / (maxLength - end), end);
  };
  const batches: CaptionBatches = {
    batchSize,
    inputs: { inputIds: int32(batchSize, maxLength), behind: float32(batchSize, maxLength) },
    feedsOf: (texts) => ({
      inputIds: Int32Array.from(texts.flatMap((text) => [...tokenizer.encodePadded(text)])),
      behind: Float32Array.from(texts.flatMap((text) => [...behindOf(text)])),
    }),
    draw: (step) => order(step, batchSize),
    measured: () => {
      const held = pictures.heldOut.length > 0 ? pictures.heldOut : pictures.training;
      const numbers = held.slice(0, config.measurePictures);
      return Array.from({ length: Math.ceil(numbers.length / batchSize) }, (_, batch) => {
        const own = numbers.slice(batch * batchSize, (batch + 1) * batchSize);
        return {
          numbers: Array.from({ length: batchSize }, (__, row) => own[row] ?? own[0] ?? 0),
          count: own.length,
        };
      });
    },
  };
  const make = objective === 'contrastive' ? contrastive : captionTargets;
  return make(setting, pictures, settings, batches);
}
