// Functions the noise predictor's training needs beside its steps: encoding in batches, and the loss of each picture.
import { defineFunction, float32, int32, latentShapeOf, tf, type PlannedFunction } from '@likeness/core';
import type { PictureStore } from '../data/pictureStore.ts';
import { planned } from '../objective.ts';
import type { UNetConfig } from '../schema.ts';
import type { ModelSetting } from '../stages/context.ts';
import type { TextInput } from './textInput.ts';

/** Rows encoded together. */
export const ENCODED_TOGETHER = 32;
/** Measures of a run, roughly: decides only how their function is compiled. */
const MEASURES = 10;

export function unetFunctions(
  { model, resolution, config }: ModelSetting,
  { batchSize, measureTimesteps }: UNetConfig,
  text: TextInput,
  { pictures }: PictureStore,
  numCaptions: number,
): Record<string, PlannedFunction> {
  const { latentCodec, textEncoder, noisePredictor } = model;
  const latentShape = latentShapeOf(model, resolution);
  const batches = (rows: number): number => Math.ceil(rows / ENCODED_TOGETHER);
  const encodePictures = defineFunction(
    { pixels: float32(ENCODED_TOGETHER, resolution, resolution, 3) },
    ({ pixels }) => {
      const { mean, logvar } = latentCodec.encode(pixels);
      return { mean, std: tf.exp(tf.mul(tf.clipByValue(logvar, -30, 20), 0.5)) };
    },
  );
  const encodeCaptions = defineFunction(
    { inputIds: int32(ENCODED_TOGETHER, textEncoder.maxLength) },
    ({ inputIds }) => ({ hiddenStates: textEncoder.encode(inputIds) }),
  );
  const lossOfEach = defineFunction(
    {
      noisyLatents: float32(batchSize, ...latentShape),
      target: float32(batchSize, ...latentShape),
      timesteps: int32(batchSize),
      ...text.inputs,
    },
    ({ noisyLatents, target, timesteps, ...fed }) => {
      const prediction = noisePredictor.predict(
        noisyLatents,
        tf.cast(timesteps, 'float32'),
        text.statesOf(fed),
      );
      return { losses: tf.mean(tf.square(tf.sub(prediction, target)), [1, 2, 3]) };
    },
  );
  const perMeasure = Math.ceil(config.measurePictures / batchSize) * (1 + 2 * measureTimesteps.length);
  return {
    encodePictures: planned(encodePictures, batches(pictures.length)),
    encodeCaptions: planned(encodeCaptions, batches(numCaptions)),
    lossOfEach: planned(lossOfEach, MEASURES * perMeasure),
  };
}
