// What the encoders' objectives share: pictures as they are fed, groups of variables, pictures of measures.
import {
  createRng,
  defineFunction,
  float32,
  int32,
  type FunctionDefinition,
  type ImageEncoder,
  type ParameterGroup,
  type RandomStream,
  type Tensor,
  type TensorSpec,
} from '@likeness/core';
import type { PictureStore } from '../data/pictureStore.ts';
import type { EncoderSetting } from '../stages/context.ts';
import {
  applyViews,
  COLOUR_NUMBERS,
  drawColours,
  drawViews,
  packPixels,
  toEncoder,
  unpackPixels,
  VIEW_NUMBERS,
  type Palette,
  type ViewRanges,
} from './views.ts';

export interface EncoderBatches {
  readonly inputs: Readonly<Record<'packed' | 'views' | 'colours', TensorSpec>>;
  /** Traced: what is fed → what the encoder takes, `[B, H, W, 3]`. */
  pixelsOf(fed: Readonly<Record<string, Tensor>>): Tensor;
  /** Pictures of a step, seen anew. */
  feedsOf(
    numbers: readonly number[],
    step: number,
    recolouring?: (row: number) => Palette | undefined,
  ): Promise<{ packed: Int32Array; views: Float32Array; colours: Float32Array }>;
  /** A function of pictures as they are, a batch at a time. */
  plain(
    of: (pixels: Tensor, fed: Readonly<Record<string, Tensor>>) => Record<string, Tensor>,
    more?: Readonly<Record<string, TensorSpec>>,
  ): FunctionDefinition;
  /** Pictures as they are. */
  plainFeeds(numbers: readonly number[]): Promise<{ packed: Int32Array }>;
  /** Pictures of measures, in batches; the last one is filled up, `count` rows of it count. */
  measured(): { readonly numbers: readonly number[]; readonly count: number }[];
}

export function encoderBatches(
  { config, resolution }: EncoderSetting,
  store: PictureStore,
  batchSize: number,
  ranges: ViewRanges,
): EncoderBatches {
  const rng = createRng(config.seed);
  const stream = (purpose: string, step: number): RandomStream => rng.stream(`views.${purpose}`, step, 0);
  const packed = int32(batchSize, resolution, resolution);
  const read = async (numbers: readonly number[]): Promise<Int32Array> =>
    packPixels(await store.read(numbers));
  return {
    inputs: {
      packed,
      views: float32(batchSize, VIEW_NUMBERS),
      colours: float32(batchSize, COLOUR_NUMBERS),
    },
    pixelsOf: (fed) =>
      toEncoder(
        applyViews(unpackPixels(fed['packed'] as Tensor), fed['views'] as Tensor, fed['colours'] as Tensor),
      ),
    feedsOf: async (numbers, step, recolouring) => ({
      packed: await read(numbers),
      views: drawViews(stream('places', step), numbers.length, resolution, ranges),
      colours: drawColours(stream('light', step), numbers.length, ranges, recolouring),
    }),
    plain: (of, more = {}) =>
      defineFunction({ ...more, packed }, (fed) => of(toEncoder(unpackPixels(fed['packed'] as Tensor)), fed)),
    plainFeeds: async (numbers) => ({ packed: await read(numbers) }),
    measured: () => {
      const held = store.heldOut.length > 0 ? store.heldOut : store.training;
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
}

/** Matrices, and what is not decayed: biases, norms, tokens. */
export function encoderGroups({ components }: ImageEncoder): ParameterGroup[] {
  const parameters = components.flatMap((component) => [...component.parameters.entries().values()]);
  const isMatrix = ({ key, shape }: (typeof parameters)[number]): boolean =>
    shape.length > 1 && !/cls_token|position_embedding|register_tokens/.test(key);
  const variables = (wanted: boolean): ParameterGroup['variables'] =>
    parameters.filter((parameter) => isMatrix(parameter) === wanted).map(({ variable }) => variable);
  return [
    { name: 'matrices', variables: variables(true) },
    { name: 'vectors', variables: variables(false), weightDecay: 0 },
  ];
}
