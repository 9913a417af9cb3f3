// The subject's pictures: files → checked, decoded and resized once → pixels per variant of crop and flip.
// Everything wrong with them is reported together, before anything long starts.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { DataError, type Warning } from '../errors.ts';
import { decodeImage, type DecodeOptions } from './decodeImage.ts';
import { findPictures, type PictureFile } from './pictureFiles.ts';
import { flipRows, luminance, type RgbImage } from './rgbImage.ts';
import { resizeImage, resizeSamples, type Resample } from './resize.ts';
import { centerCropOffset, cropSamples, randomCropOffset, resizedSize, toPixels } from './transform.ts';

export interface DatasetOptions extends DecodeOptions {
  /** A folder, or a list of files. */
  readonly source: string | readonly string[];
  /** Side of the square the model sees, in pixels. */
  readonly resolution: number;
  /** The middle, or where the variant says. Default `center`. */
  readonly crop?: 'center' | 'random';
  /** Mirror where the variant says. Default false: many subjects are not symmetric. */
  readonly randomFlip?: boolean;
  /** Default bilinear, as train_dreambooth.py. */
  readonly resample?: Resample;
  /** `photo.mask.png` is the mask of `photo.jpg`. White counts fully in the loss, black not at all. */
  readonly maskSuffix?: string;
  /** Default 1. */
  readonly minPictures?: number;
  /** Shorter sides below this are an error; below `resolution` they are a warning. Default 32. */
  readonly minSizePx?: number;
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
   */
  readonly pixels: (variant?: PixelVariant) => ItemPixels;
}

export interface Dataset {
  readonly items: readonly DatasetItem[];
  readonly warnings: readonly Warning[];
}

/**
 * Loads the pictures of one subject, sorted by name, with masks and captions beside them.
 * @throws DataError listing every picture that is corrupt, too small, too large, a duplicate of another or at odds
 * with its mask, and too few pictures
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  const { source, minPictures = 1, maskSuffix = '.mask.png' } = options;
  const found = await findPictures(source, maskSuffix);
  const problems: string[] = [];
  const warnings = [...found.warnings];
  const items: DatasetItem[] = [];
  const pathsByPixels = new Map<string, string>();
  // one after another: decoded photos are large, and only their resized versions stay
  for (const file of found.files) {
    const loaded = await loadPicture(file, options, problems, warnings);
    if (!loaded) continue;
    const { image, mask } = loaded;
    const pixelHash = hashOf(image);
    const twin = pathsByPixels.get(pixelHash);
    if (twin !== undefined) {
      problems.push(`${basename(file.path)}: the same pixels as ${basename(twin)}; remove one of the two`);
      continue;
    }
    pathsByPixels.set(pixelHash, file.path);
    warnings.push(...sizeWarnings(basename(file.path), image, options.resolution));
    items.push(makeItem(file, image, mask, options));
  }
  if (items.length < minPictures) {
    problems.push(
      `too few: expected at least ${String(minPictures)} usable pictures, got ${String(items.length)}`,
    );
  }
  if (problems.length > 0) throw dataError(source, problems, warnings);
  return { items, warnings };
}

interface LoadedPicture {
  readonly image: RgbImage;
  readonly mask: Uint8Array | undefined;
}

/** The decoded picture and mask; undefined, with a line in `problems`, when it cannot be used. */
async function loadPicture(
  file: PictureFile,
  options: DatasetOptions,
  problems: string[],
  warnings: Warning[],
): Promise<LoadedPicture | undefined> {
  const { minSizePx = 32 } = options;
  const name = basename(file.path);
  const decode = async (path: string, decodeOptions: DecodeOptions): Promise<RgbImage | undefined> => {
    const onWarning = (warning: string): void => {
      const text = `${basename(path)}: readable, but look at it: the decoder says "${warning}"`;
      warnings.push({ code: 'data/damaged-picture', text });
    };
    return await decodeOr(problems, path, { ...decodeOptions, onWarning });
  };
  const image = await decode(file.path, options);
  // transparent parts of a mask are not the subject: over black
  const maskImage =
    file.maskPath && (await decode(file.maskPath, { ...options, alpha: 'flatten', background: [0, 0, 0] }));
  if (!image) return undefined;
  if (Math.min(image.width, image.height) < minSizePx) {
    problems.push(
      `${name}: ${sizeOf(image)} is too small, expected at least ${String(minSizePx)} pixels each way`,
    );
    return undefined;
  }
  if (maskImage && (maskImage.width !== image.width || maskImage.height !== image.height)) {
    const maskName = basename(file.maskPath ?? '');
    problems.push(`${maskName}: expected ${sizeOf(image)} as ${name}, got ${sizeOf(maskImage)}`);
    return undefined;
  }
  return { image, mask: maskImage ? luminance(maskImage) : undefined };
}

async function decodeOr(
  problems: string[],
  path: string,
  options: DecodeOptions,
): Promise<RgbImage | undefined> {
  try {
    return await decodeImage(path, options);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    problems.push(
      `${basename(path)}: ${error.got ?? error.message}, expected ${error.expected ?? 'a picture'}`,
    );
    return undefined;
  }
}

function makeItem(
  file: PictureFile,
  image: RgbImage,
  mask: Uint8Array | undefined,
  options: DatasetOptions,
): DatasetItem {
  const { resolution, crop = 'center', randomFlip = false, resample = 'bilinear' } = options;
  const size = resizedSize(image, resolution);
  const resized = resizeImage(image, size.width, size.height, resample).data;
  // a mask is a weight: a kernel with negative lobes would ring around its edge
  const resizedMask = mask && resizeSamples(mask, { ...image, channels: 1 }, size, 'bilinear');

  const pixels = (variant: PixelVariant = { cropX01: 0, cropY01: 0, flip: false }): ItemPixels => {
    const random = crop === 'random';
    const left = random
      ? randomCropOffset(size.width, resolution, variant.cropX01)
      : centerCropOffset(size.width, resolution);
    const top = random
      ? randomCropOffset(size.height, resolution, variant.cropY01)
      : centerCropOffset(size.height, resolution);
    const cut = (samples: Uint8Array, channels: number): Uint8Array => {
      const { width, height } = size;
      const turned = randomFlip && variant.flip ? flipRows(samples, width, height, channels) : samples;
      return cropSamples(
        turned,
        { width, height, channels },
        { left, top, width: resolution, height: resolution },
      );
    };
    const result = { pixels: toPixels(cut(resized, 3)) };
    return resizedMask
      ? { ...result, mask: Float32Array.from(cut(resizedMask, 1), (level) => level / 255) }
      : result;
  };

  return {
    path: file.path,
    ...(file.caption === undefined ? {} : { caption: file.caption }),
    width: image.width,
    height: image.height,
    hash: hashOf(image, mask),
    hasMask: mask !== undefined,
    pixels,
  };
}

function hashOf({ width, height, data }: RgbImage, mask?: Uint8Array): string {
  const hash = createHash('sha256')
    .update(`${String(width)}x${String(height)}\n`)
    .update(data);
  return (mask ? hash.update('mask\n').update(mask) : hash).digest('hex');
}

function sizeWarnings(name: string, image: RgbImage, resolution: number): Warning[] {
  const shorter = Math.min(image.width, image.height);
  const longer = Math.max(image.width, image.height);
  const warnings: Warning[] = [];
  if (shorter < resolution) {
    const text = `${name}: ${sizeOf(image)} is enlarged to ${String(resolution)} pixels and will look soft`;
    warnings.push({ code: 'data/small-picture', text });
  }
  if (longer > 2 * shorter) {
    const text = `${name}: ${sizeOf(image)} is long; cropping to a square loses more than half of it`;
    warnings.push({ code: 'data/long-picture', text });
  }
  return warnings;
}

function sizeOf({ width, height }: RgbImage): string {
  return `${String(width)} x ${String(height)}`;
}

function dataError(
  source: string | readonly string[],
  problems: readonly string[],
  warnings: readonly Warning[],
): DataError {
  const count = problems.length === 1 ? 'a problem' : `${String(problems.length)} problems`;
  return new DataError(`${count} with the pictures`, {
    code: 'data/unusable-pictures',
    where: typeof source === 'string' ? source : 'pictures',
    details: [...problems, ...warnings.map(({ text }) => `(note) ${text}`)],
    hint: 'repair or remove the files named above, then run again',
  });
}
