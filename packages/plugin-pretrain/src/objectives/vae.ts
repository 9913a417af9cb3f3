// The autoencoder: pictures through latents and back (Kingma & Welling 2013; losses as the bundled model's).
// Without an adversary: at this size it costs more than it sharpens.
//
//   L1 + L1 of the differences between neighbouring pixels + squared error + KL to a standard normal
import { createRng, float32, tf, type ComposedLoss, type Program, type Tensor } from '@likeness/core';
import { pictureOrder, toUnitRange } from '../data/draw.ts';
import type { PictureStore } from '../data/pictureStore.ts';
import { planned, type LossFunction, type Objective } from '../objective.ts';
import type { VaeConfig } from '../schema.ts';
import type { ModelSetting } from '../stages/context.ts';
import { cutSquares } from './crops.ts';
import {
  latentSpread,
  lookAtReconstructions,
  measureReconstructions,
  MEASURED_TOGETHER,
  reconstructing,
} from './reconstruction.ts';

export function vaeObjective(setting: ModelSetting, pictures: PictureStore, settings: VaeConfig): Objective {
  const { model, config, resolution } = setting;
  const { latentCodec } = model;
  const { cropSizePx = resolution, batchSize, wholeShare, decoderOnly } = settings;
  const cropped = cropSizePx < resolution;
  // Whole pictures come in smaller batches: as many pixels a step.
  const wholeBatch = cropped
    ? Math.max(1, Math.floor(batchSize * (cropSizePx / resolution) ** 2))
    : batchSize;
  const kinds: Readonly<
    Record<string, { readonly side: number; readonly rows: number; readonly share: number }>
  > = {
    ...(cropped ? { squares: { side: cropSizePx, rows: batchSize, share: 1 - wholeShare } } : {}),
    pictures: { side: resolution, rows: wholeBatch, share: cropped ? wholeShare : 1 },
  };
  const latentsOf = (side: number, rows: number): [number, number, number, number] => {
    const latentSide = side / latentCodec.downsampleFactor;
    return [rows, latentSide, latentSide, model.noisePredictor.latentChannels];
  };
  const losses = Object.entries(kinds).map(([name, { side, rows, share }]): [string, LossFunction] => [
    name,
    {
      inputs: { pixels: float32(rows, side, side, 3), noise: float32(...latentsOf(side, rows)) },
      compute: ({ pixels, noise }) =>
        reconstructionLoss(setting, settings, pixels as Tensor, noise as Tensor),
      share,
    },
  ]);

  const rng = createRng(config.seed);
  const drawPictures = pictureOrder(pictures.training, rng, 'vae.order');
  const together = Math.min(MEASURED_TOGETHER, Math.max(1, pictures.heldOut.length));
  const variables = [...latentCodec.parameters.entries().values()]
    .filter(({ key }) => !decoderOnly || /^(decoder|post_quant_conv)\./.test(key))
    .map(({ variable }) => variable);
  const measured = { pictures, together, resolution, limit: config.measurePictures };
  return {
    changed: ['vae'],
    groups: [{ name: 'vae', variables }],
    initialValues: new Map(),
    losses: Object.fromEntries(losses),
    functions: { reconstruct: planned(reconstructing(latentCodec, resolution, together), 100) },
    lossAt: (step, total) =>
      cropped && step < Math.round(total * (1 - wholeShare)) ? 'squares' : 'pictures',
    async batchOf(loss, step) {
      const { side, rows } = kinds[loss] ?? { side: resolution, rows: batchSize };
      const bytes = await pictures.read(drawPictures(step, rows));
      const places = rng.stream('vae.crop', step, 0).uniform(2 * rows);
      const noise = rng.stream('vae.noise', step, 0).normal(latentsOf(side, rows).reduce((a, b) => a * b, 1));
      return { pixels: toUnitRange(cutSquares(bytes, resolution, side, places)), noise };
    },
    measure: (program: Program) => measureReconstructions(program, measured),
    look: (program: Program) => lookAtReconstructions(program, measured),
    ...(decoderOnly
      ? {}
      : {
          exportOptions: async (program: Program) => ({
            scalingFactor: 1 / (await latentSpread(program, measured)),
          }),
        }),
    close: () => undefined,
  };
}

function reconstructionLoss(
  { model: { latentCodec } }: ModelSetting,
  { decoderOnly, latentNoise, l1Weight, gradientWeight, mseWeight, klWeight }: VaeConfig,
  pixels: Tensor,
  noise: Tensor,
): ComposedLoss {
  const { mean, logvar } = latentCodec.encode(pixels);
  const spread = latentNoise ?? (decoderOnly ? 0 : tf.exp(tf.mul(logvar, 0.5)));
  const decoded = latentCodec.decode(tf.add(mean, tf.mul(noise, spread))); // [B, H, W, 3]
  const error = tf.sub(decoded, pixels);
  const [batch = 1, height = 1, width = 1] = error.shape;
  const part = (top: number, left: number, tall: number, wide: number): Tensor =>
    tf.slice(error, [0, top, left, 0], [batch, tall, wide, 3]);
  const across = tf.sub(part(0, 1, height, width - 1), part(0, 0, height, width - 1));
  const down = tf.sub(part(1, 0, height - 1, width), part(0, 0, height - 1, width));
  const terms: Record<string, readonly [number, Tensor]> = {
    l1: [l1Weight, tf.mean(tf.abs(error))],
    gradient: [gradientWeight, tf.add(tf.mean(tf.abs(across)), tf.mean(tf.abs(down)))],
    mse: [mseWeight, tf.mean(tf.square(error))],
    // Nothing that trains moves the latents of a frozen encoder.
    ...(decoderOnly
      ? {}
      : {
          kl: [
            klWeight,
            tf.mul(0.5, tf.mean(tf.sub(tf.add(tf.square(mean), tf.exp(logvar)), tf.add(logvar, 1)))),
          ],
        }),
  };
  const used = Object.entries(terms).filter(([, [weight]]) => weight > 0);
  return {
    total: tf.addN(used.map(([, [weight, term]]) => tf.mul(weight, term))),
    terms: new Map(used.map(([name, [, term]]) => [name, term])),
  };
}
