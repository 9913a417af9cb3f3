// The subject's pictures: files → checked and hashed one after the other → pixels per variant of crop and flip.
// Everything wrong with them is reported together, before anything long starts.
import { basename } from 'node:path';
import { DataError, FileError, LikenessError, type Warning } from '../errors.ts';
import { hashOf, makeItem, resizePicture } from './datasetItem.ts';
import type { CutOptions, DatasetItem, LoadedPicture, ResizedPicture } from './datasetItem.ts';
import { decodeImage, type DecodedImage, type DecodeOptions } from './decodeImage.ts';
import { findPictures, type PictureFile } from './pictureFiles.ts';
import { pictureMemory } from './pictureMemory.ts';
import { noPictures, picturesError, type Problem } from './pictureProblems.ts';
import { printable } from './printable.ts';
import { readTextFile } from './readText.ts';
import { luminance } from './rgbImage.ts';
import type { Size } from './transform.ts';

export type { DatasetItem, ItemPixels, PixelVariant } from './datasetItem.ts';

export interface DatasetOptions extends DecodeOptions, CutOptions {
  /** A folder, or a list of files. */
  readonly source: string | readonly string[];
  /** What they are, for messages. Default `pictures`. */
  readonly called?: string;
  /** Read the texts beside the pictures. Default true. */
  readonly captions?: boolean;
  /** `photo.mask.png` is the mask of `photo.jpg`. White counts fully in the loss, black not at all. */
  readonly maskSuffix?: string;
  /** Bytes of resized pictures that stay in memory; beyond them files are read again. Default 256 MiB. */
  readonly memoryBytes?: number;
  /** Default 1. */
  readonly minPictures?: number;
  /** Shorter sides below this are an error; below `resolution` they are a warning. Default 32. */
  readonly minSizePx?: number;
}

export interface Dataset {
  readonly items: readonly DatasetItem[];
  readonly warnings: readonly Warning[];
}

/**
 * Loads the pictures of one subject, sorted by name, with masks and captions beside them. Their pixels are read again
 * when they are asked for, where there are too many to keep.
 * @throws DataError listing every picture that is corrupt, too small, too large, a duplicate of another or at odds
 * with its mask, every caption in an unknown encoding, and too few pictures
 */
export async function loadDataset(options: DatasetOptions): Promise<Dataset> {
  const { source, minPictures = 1, maskSuffix = '.mask.png', called = 'pictures' } = options;
  const found = await findPictures(source, maskSuffix);
  if (found.files.length === 0 && minPictures > 0) throw await noPictures(source, called, found.warnings);
  const problems: Problem[] = [];
  const ofCaptions = (code: string): boolean => code === 'data/caption-without-picture';
  const warnings = found.warnings.filter(({ code }) => options.captions !== false || !ofCaptions(code));
  const memory = pictureMemory(options.memoryBytes);
  const items: DatasetItem[] = [];
  const pathsByPixels = new Map<string, string>();
  // one after another: decoded photos are large
  for (const file of found.files) {
    const name = nameOf(file.path);
    const caption = await captionOf(file, options, problems, warnings);
    const loaded = await loadPicture(file, options, problems, warnings);
    if (!loaded) continue;
    const pixelHash = hashOf(loaded.image);
    const twin = pathsByPixels.get(pixelHash);
    if (twin !== undefined) {
      const text = `${name}: the same pixels as ${nameOf(twin)}; remove one of the two`;
      problems.push({ code: 'data/same-picture', text });
      continue;
    }
    pathsByPixels.set(pixelHash, file.path);
    warnings.push(...sizeWarnings(name, loaded.image.shrunkFrom ?? loaded.image, options.resolution));
    memory.keep(file.path, resizePicture(loaded, options));
    const item = makeItem(file, loaded, caption, options, async () => {
      const known = memory.get(file.path) ?? (await readAgain(file, item.hash, options));
      memory.keep(file.path, known);
      return known;
    });
    items.push(item);
  }
  if (items.length < minPictures) {
    const text = `too few: expected at least ${String(minPictures)} usable pictures, got ${String(items.length)}`;
    problems.push({ code: 'data/too-few-pictures', text });
  }
  if (problems.length > 0) throw picturesError(source, called, problems, warnings);
  return { items, warnings };
}

const nameOf = (path: string): string => printable(basename(path));

/** Text of the caption, trimmed; undefined when there is none, it is empty or it cannot be read. */
async function captionOf(
  { path, captionPath }: PictureFile,
  { captions = true }: DatasetOptions,
  problems: Problem[],
  warnings: Warning[],
): Promise<string | undefined> {
  if (!captions || captionPath === undefined) return undefined;
  try {
    const caption = (await readTextFile(captionPath)).trim();
    if (caption !== '') return caption;
    const text = `${nameOf(path)}: its caption file is empty and is not used`;
    warnings.push({ code: 'data/empty-caption', text });
  } catch (error) {
    problems.push(problemOf(captionPath, error));
  }
  return undefined;
}

/** The decoded picture and mask; undefined, with a line in `problems`, when it cannot be used. */
async function loadPicture(
  file: PictureFile,
  options: DatasetOptions,
  problems: Problem[],
  warnings: Warning[],
): Promise<LoadedPicture | undefined> {
  const { minSizePx = 32 } = options;
  const name = nameOf(file.path);
  const decode = async (path: string, decodeOptions: DecodeOptions): Promise<DecodedImage | undefined> => {
    const onWarning = (warning: string): void => {
      const text = `${nameOf(path)}: readable, but look at it: the decoder says "${warning}"`;
      warnings.push({ code: 'data/damaged-picture', text });
    };
    try {
      return await decodeImage(path, { ...decodeOptions, onWarning });
    } catch (error) {
      problems.push(problemOf(path, error));
      return undefined;
    }
  };
  const image = await decode(file.path, options);
  const maskImage = file.maskPath && (await decode(file.maskPath, maskOptions(options)));
  if (!image) return undefined;
  const size = image.shrunkFrom ?? image;
  if (Math.min(size.width, size.height) < minSizePx) {
    const text = `${name}: ${sizeOf(size)} is too small, expected at least ${String(minSizePx)} pixels each way`;
    problems.push({ code: 'data/picture-too-small', text });
    return undefined;
  }
  if (maskImage && (maskImage.width !== image.width || maskImage.height !== image.height)) {
    const maskName = nameOf(file.maskPath ?? '');
    const text = `${maskName}: expected ${sizeOf(size)} as ${name}, got ${sizeOf(maskImage.shrunkFrom ?? maskImage)}`;
    problems.push({ code: 'data/mask-does-not-fit', text });
    return undefined;
  }
  return { image, mask: maskImage ? luminance(maskImage) : undefined };
}

/** Transparent parts of a mask are not the subject: over black. */
const maskOptions = (options: DatasetOptions): DecodeOptions => ({
  ...options,
  alpha: 'flatten',
  background: [0, 0, 0],
});

/** A picture that did not stay in memory. @throws DataError when it is another one by now */
async function readAgain(
  { path, maskPath }: PictureFile,
  hash: string,
  options: DatasetOptions,
): Promise<ResizedPicture> {
  const image = await decodeImage(path, options);
  const mask =
    maskPath === undefined ? undefined : luminance(await decodeImage(maskPath, maskOptions(options)));
  if (hashOf(image, mask) !== hash) {
    throw new DataError('the picture has changed since the run began', {
      code: 'data/picture-changed',
      where: path,
      hint: 'leave pictures alone while a run reads them; start it again',
    });
  }
  return resizePicture({ image, mask }, options);
}

/** What is wrong with one file, in a line. */
function problemOf(path: string, error: unknown): Problem {
  if (!(error instanceof LikenessError)) throw error;
  const { code, summary, where, expected, got, hint } = error;
  // Where something stands within the file, beside its name.
  const place = where?.startsWith(path) ? printable(where.slice(path.length)) : '';
  const what = error instanceof FileError ? `${summary} (${got ?? code})` : (got ?? summary);
  const said = [what, ...(expected === undefined ? [] : [`expected ${expected}`])].join(', ');
  return { code, text: `${nameOf(path)}${place}: ${said}${hint === undefined ? '' : ` (${hint})`}` };
}

function sizeWarnings(name: string, { width, height }: Size, resolution: number): Warning[] {
  const shorter = Math.min(width, height);
  const longer = Math.max(width, height);
  const warnings: Warning[] = [];
  if (shorter < resolution) {
    const text = `${name}: ${sizeOf({ width, height })} is enlarged to ${String(resolution)} pixels and will look soft`;
    warnings.push({ code: 'data/small-picture', text });
  }
  if (longer > 2 * shorter) {
    const text = `${name}: ${sizeOf({ width, height })} is long; cropping to a square loses more than half of it`;
    warnings.push({ code: 'data/long-picture', text });
  }
  return warnings;
}

const sizeOf = ({ width, height }: Size): string => `${String(width)} x ${String(height)}`;
