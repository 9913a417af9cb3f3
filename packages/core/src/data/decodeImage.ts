// Picture files to 8-bit RGB, as the reference's `ImageOps.exif_transpose(Image.open(f)).convert('RGB')` has them.
// The header is checked before a pixel is decoded, so a small file cannot unpack to gigabytes.
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Metadata, Sharp } from 'sharp';
import { DataError, withFileErrors } from '../errors.ts';
import type { RgbImage } from './rgbImage.ts';
import type { Size } from './transform.ts';

export interface DecodeOptions {
  /** What becomes of transparency: laid over `background`, or `drop`ped as Pillow's `convert('RGB')` does. Default `flatten`. */
  readonly alpha?: 'flatten' | 'drop';
  /** RGB, 0 to 255, under transparent pixels. Default white. */
  readonly background?: readonly [number, number, number];
  /** Turn the picture as its EXIF orientation says. Default true. */
  readonly orient?: boolean;
  /** Most pixels (width x height) a picture may have. Default 300 million: phones take 200. */
  readonly pixelLimit?: number;
  /**
   * `ignore` takes the stored numbers as sRGB, as Pillow and the reference scripts do; `convert` applies the
   * embedded profile (Display P3 photos keep their colours). Default `ignore`.
   */
  readonly colorProfile?: 'ignore' | 'convert';
  /**
   * Told what the decoder found odd in a file it could still read: stray bytes that some phones write, or a spot
   * of garbage. Without it such files pass silently, as in Pillow.
   */
  readonly onWarning?: (warning: string) => void;
}

const DEFAULT_PIXEL_LIMIT = 300_000_000;
/** Larger pictures are halved while they are read, so that no more than this is ever in memory. */
const LARGEST_WHOLE = 100_000_000;
const READABLE = 'JPEG, PNG, WebP, AVIF, GIF or TIFF';

export interface DecodedImage extends RgbImage {
  /** The picture's own size, upright, where it was too large to be held whole and is half as wide and high here. */
  readonly shrunkFrom?: Size;
}

/**
 * Decodes a JPEG, PNG, WebP, AVIF, GIF or TIFF (the first frame or page) from a path or its bytes.
 *
 * Gray, palette, 16-bit (its high byte) and CMYK become 8-bit RGB. `alpha` is kept beside the colours in both modes.
 * Pictures of more than 100 megapixels come out half as wide and high: what a model sees has a few hundred pixels.
 * @throws DataError when the file is of another kind, damaged, cut short or larger than the pixel limit; FileError when
 * it is missing or may not be read
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  const { alpha = 'flatten', background = [255, 255, 255], orient = true, colorProfile = 'ignore' } = options;
  const where = typeof source === 'string' ? source : 'picture';
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  const metadata = await readHeader(bytes, where);
  const size = sizeOfFrame(metadata);
  checkPixelLimit(size, options.pixelLimit ?? DEFAULT_PIXEL_LIMIT, where);
  const shrinks = size.width * size.height > LARGEST_WHOLE;

  const ignoreIcc = colorProfile === 'ignore';
  const naiveCmyk = metadata.space === 'cmyk' && ignoreIcc;
  const decode = (failOn: 'warning' | 'error'): Promise<RawPixels> => {
    const input = sharp(bytes, { failOn, ignoreIcc, limitInputPixels: false });
    const turned = orient ? input.autoOrient() : input;
    const upright = shrinks
      ? turned.resize({ ...half(uprightSize(metadata, size, orient)), fit: 'fill' })
      : turned;
    return rawPixels(
      naiveCmyk ? upright.pipelineColourspace('cmyk').toColourspace('cmyk') : upright.toColourspace('srgb'),
    );
  };
  const pixels = await decodeTolerantly(decode, where, options.onWarning);
  const image = naiveCmyk
    ? cmykToRgb(pixels)
    : splitAlpha(pixels, alpha === 'flatten' ? background : undefined);
  return shrinks ? { ...image, shrunkFrom: uprightSize(metadata, size, orient) } : image;
}

/** Of one frame, where frames are stacked. */
const sizeOfFrame = ({ width, height, pageHeight }: Metadata): Size => ({
  width,
  height: pageHeight ?? height,
});

/** EXIF orientations from 5 on lay the picture on its side. */
const uprightSize = ({ orientation = 1 }: Metadata, { width, height }: Size, orient: boolean): Size =>
  orient && orientation >= 5 ? { width: height, height: width } : { width, height };

const half = ({ width, height }: Size): Size => ({
  width: Math.ceil(width / 2),
  height: Math.ceil(height / 2),
});

/** Strictly first; when that fails, once more without minding warnings. Damaged and truncated data fail both times. */
async function decodeTolerantly(
  decode: (failOn: 'warning' | 'error') => Promise<RawPixels>,
  where: string,
  onWarning?: (warning: string) => void,
): Promise<RawPixels> {
  try {
    return await decode('warning');
  } catch (warning) {
    try {
      const pixels = await decode('error');
      onWarning?.(reasonOf(warning));
      return pixels;
    } catch (cause) {
      throw unreadable(where, `damaged or cut short (${reasonOf(cause)})`, REPAIR, cause);
    }
  }
}

interface RawPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

function readBytes(path: string): Promise<Uint8Array> {
  return withFileErrors(path, () => readFile(path));
}

async function readHeader(bytes: Uint8Array, where: string): Promise<Metadata> {
  if (bytes.length === 0) throw unreadable(where, 'an empty file');
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata();
  } catch (cause) {
    throw unreadable(where, `not a picture, or a damaged one (${reasonOf(cause)})`, REPAIR, cause);
  }
  if (metadata.format === 'heif' && metadata.compression !== 'av1') {
    throw unreadable(where, 'HEIC, which this build cannot decode', 'save it as JPEG or PNG first');
  }
  if (!['jpeg', 'png', 'webp', 'heif', 'gif', 'tiff'].includes(metadata.format)) {
    throw unreadable(where, `a file of type ${metadata.format}`);
  }
  return metadata;
}

function checkPixelLimit({ width, height }: Size, pixelLimit: number, where: string): void {
  if (width * height <= pixelLimit) return;
  throw new DataError('the picture is too large', {
    code: 'data/picture-too-large',
    where,
    expected: `at most ${megapixels(pixelLimit)}`,
    got: `${String(width)} x ${String(height)} = ${megapixels(width * height)}`,
    hint: 'make it smaller: the model sees a few hundred pixels',
  });
}

function megapixels(count: number): string {
  return `${(count / 1e6).toLocaleString('en-US', { maximumFractionDigits: 2 })} megapixels`;
}

async function rawPixels(pipeline: Sharp): Promise<RawPixels> {
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** Pillow's profile-less CMYK to RGB (`cmyk2rgb` in its Convert.c): `255 - K - (255 - K) * C / 255`, rounded. */
function cmykToRgb({ data, width, height, channels }: RawPixels): RgbImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const paper = 255 - (data[i * channels + 3] ?? 0);
    for (let c = 0; c < 3; c++)
      rgb[3 * i + c] = Math.max(0, paper - divideBy255((data[i * channels + c] ?? 0) * paper));
  }
  return { width, height, data: rgb };
}

/** Separates raw gray, gray + alpha, RGB or RGBA samples; with a background, colours are laid over it. */
function splitAlpha({ data, width, height, channels }: RawPixels, background?: readonly number[]): RgbImage {
  if (channels === 3) return { width, height, data };
  const colors = channels < 3 ? 1 : 3;
  const hasAlpha = channels > colors;
  const rgb = new Uint8Array(width * height * 3);
  const alpha = new Uint8Array(width * height).fill(255);
  for (let i = 0; i < alpha.length; i++) {
    const opacity = hasAlpha ? (data[i * channels + colors] ?? 255) : 255;
    alpha[i] = opacity;
    for (let c = 0; c < 3; c++) {
      const value = data[i * channels + (colors === 1 ? 0 : c)] ?? 0;
      rgb[3 * i + c] = background
        ? divideBy255(value * opacity + (background[c] ?? 0) * (255 - opacity))
        : value;
    }
  }
  return hasAlpha ? { width, height, data: rgb, alpha } : { width, height, data: rgb };
}

/** `round(value / 255)` for 0 to 65025 without division (Pillow's MULDIV255 and SHIFTFORDIV255). */
function divideBy255(value: number): number {
  const shifted = value + 128;
  return ((shifted >> 8) + shifted) >> 8;
}

const REPAIR = 'open it in a picture editor and save it again, or leave it out';

function unreadable(where: string, got: string, hint = REPAIR, cause?: unknown): DataError {
  return new DataError('the picture cannot be used', {
    code: 'data/unreadable-picture',
    where,
    expected: `a whole ${READABLE} file`,
    got,
    hint,
    cause,
  });
}

/** The first line of what the decoder said. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split('\n')[0]?.trim() ?? message;
}
