// One picture of a dataset: what is known of it, and its pixels when they are asked for.
import { createHash } from 'node:crypto';
import type { DecodedImage } from './decodeImage.ts';
import type { PictureFile } from './pictureFiles.ts';
import { flipRows, type RgbImage } from './rgbImage.ts';
import { resizeImage, resizeSamples, type Resample } from './resize.ts';
import {
  centerCropOffset,
  cropSamples,
  randomCropOffset,
  resizedSize,
  toPixels,
  type Size,
} from './transform.ts';

/** How pictures are cut for a model. */
export interface CutOptions {
  /** Side of the square the model sees, in pixels. */
  readonly resolution: number;
  /** The middle, or where the variant says. Default `center`. */
  readonly crop?: 'center' | 'random';
  /** Mirror where the variant says. Default false: many subjects are not symmetric. */
  readonly randomFlip?: boolean;
  /** Default bilinear, as train_dreambooth.py. */
  readonly resample?: Resample;
}

/** Where to crop, as a part of the free way in [0, 1), and whether to mirror. */
export interface PixelVariant {
  readonly cropX01: number;
  readonly cropY01: number;
  readonly flip: boolean;
}

export interface ItemPixels {
  /** `[resolution, resolution, 3]` in [-1, 1] */
  readonly pixels: Float32Array;
  /** `[resolution, resolution]` in [0, 1] */
  readonly mask?: Float32Array;
}

export interface DatasetItem {
  readonly path: string;
  readonly caption?: string;
  /** Of the whole picture, upright. */
  readonly width: number;
  readonly height: number;
  /** sha256 of size, decoded RGB and mask, in hex: what a cache of latents depends on, besides the options. */
  readonly hash: string;
  readonly hasMask: boolean;
  /**
   * The picture as the model sees it: resized, mirrored, cropped, in that order (as the reference scripts).
   * Without a variant the middle, not mirrored; parts of a variant the options switched off have no effect.
   * @throws DataError when the file has changed since it was loaded
   */
  readonly pixels: (variant?: PixelVariant) => Promise<ItemPixels>;
}

export interface LoadedPicture {
  readonly image: DecodedImage;
  readonly mask: Uint8Array | undefined;
}

/** The picture resized, and its mask: what crops and flips are cut from. */
export interface ResizedPicture extends Size {
  readonly data: Uint8Array;
  readonly mask: Uint8Array | undefined;
}

export function resizePicture(
  { image, mask }: LoadedPicture,
  { resolution, resample = 'bilinear' }: CutOptions,
): ResizedPicture {
  const size = resizedSize(image, resolution);
  const { data } = resizeImage(image, size.width, size.height, resample);
  // a mask is a weight: a kernel with negative lobes would ring around its edge
  return { ...size, data, mask: mask && resizeSamples(mask, { ...image, channels: 1 }, size, 'bilinear') };
}

/** @param resized gives the picture again whenever it is needed, from memory or its file */
export function makeItem(
  { path }: PictureFile,
  { image, mask }: LoadedPicture,
  caption: string | undefined,
  options: CutOptions,
  resized: () => ResizedPicture | Promise<ResizedPicture>,
): DatasetItem {
  const { width, height } = image.shrunkFrom ?? image;
  return {
    path,
    ...(caption === undefined ? {} : { caption }),
    width,
    height,
    hash: hashOf(image, mask),
    hasMask: mask !== undefined,
    pixels: async (variant) => cut(await resized(), variant, options),
  };
}

function cut(
  { width, height, data, mask }: ResizedPicture,
  variant: PixelVariant = { cropX01: 0, cropY01: 0, flip: false },
  { resolution, crop = 'center', randomFlip = false }: CutOptions,
): ItemPixels {
  const offset = (length: number, position01: number): number =>
    crop === 'random'
      ? randomCropOffset(length, resolution, position01)
      : centerCropOffset(length, resolution);
  const left = offset(width, variant.cropX01);
  const top = offset(height, variant.cropY01);
  const window = { left, top, width: resolution, height: resolution };
  const cutOut = (samples: Uint8Array, channels: number): Uint8Array => {
    const turned = randomFlip && variant.flip ? flipRows(samples, width, height, channels) : samples;
    return cropSamples(turned, { width, height, channels }, window);
  };
  const pixels = toPixels(cutOut(data, 3));
  return mask ? { pixels, mask: Float32Array.from(cutOut(mask, 1), (level) => level / 255) } : { pixels };
}

/** sha256 of size, RGB and mask. */
export function hashOf({ width, height, data }: RgbImage, mask?: Uint8Array): string {
  const hash = createHash('sha256')
    .update(`${String(width)}x${String(height)}\n`)
    .update(data);
  return (mask ? hash.update('mask\n').update(mask) : hash).digest('hex');
}
