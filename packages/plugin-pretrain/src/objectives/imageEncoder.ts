// An encoder of individuals: pictures of one and the same drawing near each other, wherever it stands, and far from
// pictures of every other one, of its own kind above all. Supervised contrastive loss (Khosla et al. 2020, L_out) on the
// feature itself, without a head that would be thrown away.
import { createRng, float32, tf, type Tensor } from '@likeness/core';
import type { PictureStore } from '../data/pictureStore.ts';
import type { ImageEncoderConfig } from '../encoderSchema.ts';
import { planned, type Objective } from '../objective.ts';
import type { EncoderSetting } from '../stages/context.ts';
import { encoderBatches, encoderGroups } from './encoderBatches.ts';
import { individualOf, individuals, PALETTES, relations } from './individuals.ts';
import { crossEntropy, unit } from './matching.ts';
import { separation } from './separation.ts';
import { otherColours, PALETTE_NUMBERS, type ViewRanges } from './views.ts';

/** What does not make another individual. */
const VIEWS: ViewRanges = { flip: 0.5, zoom: 1.3, shift: 0.1, blurPx: 1.2, light: 0.15, hueDegrees: 10 };

export function imageEncoderObjective(
  setting: EncoderSetting,
  store: PictureStore,
  settings: ImageEncoderConfig,
): Objective {
  const { model, config } = setting;
  const { batchSize, identity, kind, temperature } = settings;
  const { pictures } = store;
  const rng = createRng(config.seed);
  const draw = individuals(pictures, store.training, settings, rng);
  const batches = encoderBatches(setting, store, batchSize, VIEWS);
  return {
    changed: ['encoder'],
    groups: encoderGroups(model),
    initialValues: new Map(),
    losses: {
      separate: {
        inputs: {
          ...batches.inputs,
          same: float32(batchSize, batchSize),
          apart: float32(batchSize, batchSize),
        },
        compute: ({ same, apart, ...fed }) => {
          const features = unit(model.encode(batches.pixelsOf(fed)));
          const cosines = tf.matMul(features, features, false, true); // [B, B]
          const scores = tf.add(tf.div(cosines, temperature), apart as Tensor);
          const total = crossEntropy(scores, same as Tensor);
          const own = tf.mean(tf.sum(tf.mul(same as Tensor, cosines), 1));
          return {
            total,
            terms: new Map([
              ['separate', total],
              ['ownCosine', own],
            ]),
          };
        },
        share: 1,
      },
    },
    functions: {
      features: planned(
        batches.plain((pixels) => ({ features: model.encode(pixels) })),
        50,
      ),
    },
    lossAt: () => 'separate',
    async batchOf(_, step) {
      const rows = draw(step);
      const turns = rng.stream('individuals.colours', step, 0).uniform(PALETTE_NUMBERS * PALETTES);
      const fed = await batches.feedsOf(
        rows.map(({ number }) => number),
        step,
        (row) => {
          const { palette } = rows[row] ?? {};
          if (palette === undefined) return undefined;
          const first = PALETTE_NUMBERS * palette;
          return otherColours([...turns.subarray(first, first + PALETTE_NUMBERS)]);
        },
      );
      return { ...fed, ...relations(rows) };
    },
    async measure(program) {
      const rows: number[] = [];
      const parts: Float32Array[] = [];
      for (const { numbers, count } of batches.measured()) {
        const { features } = await program.run('features', await batches.plainFeeds(numbers));
        parts.push((features as Float32Array).subarray(0, count * model.featureSize));
        rows.push(...numbers.slice(0, count));
      }
      const features = new Float32Array(rows.length * model.featureSize);
      let at = 0;
      for (const part of parts) {
        features.set(part, at);
        at += part.length;
      }
      const told = (of: (number: number) => string): string[] => rows.map(of);
      const { retrieved, auc } = separation({
        features,
        width: model.featureSize,
        individuals: told((number) => individualOf(pictures[number] ?? NOTHING, identity) ?? String(number)),
        kinds: told((number) => pictures[number]?.columns[kind] ?? ''),
      });
      return { retrieved, ...(auc === undefined ? {} : { 'auc.ofKind': auc }) };
    },
    close: () => undefined,
  };
}

const NOTHING = { path: '', caption: '', columns: {} };
