// The noise predictor: what was added to latents, given the timestep and the caption (Ho et al. 2020; Rombach et al.
// 2022). What it predicts - noise or velocity - and whether the last timestep is pure noise, the model's schedule says.
import {
  addNoise,
  createRng,
  float32,
  int32,
  noisedRows,
  tf,
  latentShapeOf,
  type Parameters,
  type Program,
  type RecordFile,
  type Tensor,
  type Variable,
} from '@likeness/core';
import { captionTable, wrongCaptions } from '../data/captions.ts';
import { pictureOrder } from '../data/draw.ts';
import { encodedPictures, readFloats, type EncodeOptions } from '../data/encoded.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import type { Feeds, Objective } from '../objective.ts';
import type { UNetConfig } from '../schema.ts';
import type { ModelSetting } from '../stages/context.ts';
import { measureNoisePredictor } from './noiseMeasures.ts';
import { pictureSampler } from './samples.ts';
import { encodedText, trainedText } from './textInput.ts';
import { timestepDraw } from './timesteps.ts';
import { unetFunctions } from './unetFunctions.ts';

export function unetObjective(
  setting: ModelSetting,
  pictures: PictureStore,
  settings: UNetConfig,
): Objective {
  const { model, config, resolution } = setting;
  const { batchSize, captionDropout, snrGamma, trainTextEncoder, textEncoderLearningRate } = settings;
  const latentShape = latentShapeOf(model, resolution);
  const size = latentShape.reduce((a, b) => a * b, 1);
  const { scalingFactor } = model.latentCodec;
  const { noiseSchedule } = model;
  const rng = createRng(config.seed);

  const measured = (pictures.heldOut.length > 0 ? pictures.heldOut : pictures.training).slice(
    0,
    config.measurePictures,
  );
  const wrong = wrongCaptions(pictures.pictures, measured, wrongColumn(settings, pictures), rng);
  const captions = captionTable([...pictures.pictures.map(({ caption }) => caption), ...wrong]);
  const captionOf = (number: number): number => captions.indexOf(pictures.pictures[number]?.caption ?? '');
  const drawTimesteps = timestepDraw(settings, noiseSchedule.numTrainTimesteps, rng);
  const drawPictures = pictureOrder(pictures.training, rng, 'unet.order');
  const text = (trainTextEncoder ? trainedText : encodedText)(model, captions.texts, batchSize);
  const sampler = pictureSampler(setting, pictures);

  let latents: RecordFile | undefined;
  const latentsOf = async (numbers: readonly number[]): Promise<Float32Array> => {
    if (!latents) throw new Error('latents are encoded before they are read');
    return readFloats(latents, numbers);
  };
  /** Latents drawn from their distributions, scaled. */
  const drawLatents = (records: Float32Array, noise: Float32Array): Float32Array => {
    const drawn = new Float32Array(noise.length);
    for (let i = 0; i < drawn.length; i++) {
      const at = Math.floor(i / size) * 2 * size + (i % size);
      drawn[i] = ((records[at] ?? 0) + (records[at + size] ?? 0) * (noise[i] ?? 0)) * scalingFactor;
    }
    return drawn;
  };

  return {
    changed: ['unet', ...(trainTextEncoder ? [model.textEncoder.name] : [])],
    groups: [
      { name: 'unet', variables: variablesOf(model.noisePredictor) },
      ...(trainTextEncoder
        ? [
            {
              name: 'text-encoder',
              variables: variablesOf(model.textEncoder),
              ...(textEncoderLearningRate === undefined ? {} : { learningRate: textEncoderLearningRate }),
            },
          ]
        : []),
    ],
    initialValues: new Map(),
    losses: {
      denoise: {
        inputs: {
          noisyLatents: float32(batchSize, ...latentShape),
          target: float32(batchSize, ...latentShape),
          timesteps: int32(batchSize),
          timestepWeights: float32(batchSize),
          ...text.inputs,
        },
        compute: ({ noisyLatents, target, timesteps, timestepWeights, ...fed }) => {
          const t = tf.cast(timesteps as Tensor, 'float32');
          const prediction = model.noisePredictor.predict(noisyLatents as Tensor, t, text.statesOf(fed));
          const each = tf.mean(tf.square(tf.sub(prediction, target as Tensor)), [1, 2, 3]); // [B]
          return {
            total: tf.mean(tf.mul(each, timestepWeights as Tensor)),
            terms: new Map([['mse', tf.mean(each)]]),
          };
        },
        share: 1,
      },
    },
    functions: {
      ...unetFunctions(setting, settings, text, pictures, captions.texts.length),
      ...sampler.functions,
    },
    async encode(fed: Omit<EncodeOptions, 'model'>) {
      const options: EncodeOptions = { ...fed, model };
      await sampler.check();
      latents = await encodedPictures(pictures, size, options);
      await text.encode(options);
    },
    lossAt: () => 'denoise',
    async batchOf(_, step): Promise<Feeds> {
      const numbers = drawPictures(step, batchSize);
      const leftOut = rng.stream('unet.dropout', step, 0).uniform(batchSize);
      const texts = numbers.map((number, row) =>
        (leftOut[row] ?? 1) < captionDropout ? 0 : captionOf(number),
      );
      const [records, textFeeds] = await Promise.all([latentsOf(numbers), text.feedsOf(texts)]);
      const normal = (purpose: string): Float32Array =>
        rng.stream(`unet.${purpose}`, step, 0).normal(batchSize * size);
      const timesteps = drawTimesteps(step, batchSize);
      const rows = { latents: drawLatents(records, normal('posterior')), noise: normal('noise'), timesteps };
      return { ...noisedRows(rows, noiseSchedule, snrGamma), ...textFeeds };
    },
    measure: (program: Program) =>
      measureNoisePredictor(program, {
        numbers: measured,
        captionOf,
        wrongOf: (place) => captions.indexOf(wrong[place] ?? ''),
        latentsOf,
        textFeeds: text.feedsOf,
        drawLatents,
        noisy: (rows) => ({
          noisyLatents: addNoise(noiseSchedule, rows.latents, rows.noise, rows.timesteps),
          target: noisedRows(rows, noiseSchedule).target,
        }),
        rng,
        size,
        batchSize,
        timesteps: settings.measureTimesteps,
        numTrainTimesteps: noiseSchedule.numTrainTimesteps,
      }),
    look: sampler.look,
    close: () => {
      void latents?.close();
      text.close();
    },
  };
}

const variablesOf = ({ parameters }: { readonly parameters: Parameters }): Variable[] =>
  [...parameters.entries().values()].map(({ variable }) => variable);

/** The column named, or `noun` where the data have one. */
function wrongColumn({ wrongBy }: UNetConfig, { pictures }: PictureStore): string | undefined {
  return wrongBy ?? (pictures.some(({ columns }) => 'noun' in columns) ? 'noun' : undefined);
}
