// From a decoded picture to what a network sees: the preprocessing of diffusers' train_dreambooth.py and
// textual_inversion.py, on torchvision's Resize, CenterCrop, RandomCrop, ToTensor and Normalize.
import { flipHorizontally, type RgbImage } from './rgbImage.ts';
import { resizeImage, type Resample } from './resize.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** torchvision's `Resize(size)`: the shorter side becomes `size`, the longer one is truncated. */
export function resizedSize({ width, height }: Size, size: number): Size {
  return width <= height
    ? { width: size, height: Math.trunc((size * height) / width) }
    : { width: Math.trunc((size * width) / height), height: size };
}

/** Python's `round`: halves go to the even neighbour. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** torchvision's CenterCrop offset in a side of `length`; negative where the picture is smaller and gets padded. */
export function centerCropOffset(length: number, crop: number): number {
  // the padding in front is floor((crop - length) / 2)
  return length < crop ? 0 - Math.floor((crop - length) / 2) : roundHalfToEven((length - crop) / 2);
}

/** torchvision's RandomCrop offset for a number in [0, 1): every one of the `length - crop + 1` places equally likely. */
export function randomCropOffset(length: number, crop: number, position01: number): number {
  const places = length - crop + 1;
  return places <= 1 ? centerCropOffset(length, crop) : Math.min(places - 1, Math.floor(position01 * places));
}

/** Cuts `[height, width]` out at (left, top) from interleaved samples; what lies outside is black. */
export function cropSamples(
  samples: Uint8Array,
  from: Size & { readonly channels: number },
  { left, top, width, height }: Size & { readonly left: number; readonly top: number },
): Uint8Array {
  const { channels } = from;
  const result = new Uint8Array(width * height * channels);
  const firstColumn = Math.max(0, left);
  const lastColumn = Math.min(from.width, left + width);
  if (lastColumn <= firstColumn) return result;
  for (let y = Math.max(0, -top); y < Math.min(height, from.height - top); y++) {
    const row = (y + top) * from.width;
    const kept = samples.subarray((row + firstColumn) * channels, (row + lastColumn) * channels);
    result.set(kept, (y * width + firstColumn - left) * channels);
  }
  return result;
}

/** Cuts a rectangle out of a picture; what lies outside is black. */
export function cropImage(
  image: RgbImage,
  window: Size & { readonly left: number; readonly top: number },
): RgbImage {
  const { width, height } = window;
  return { width, height, data: cropSamples(image.data, { ...image, channels: 3 }, window) };
}

/** torchvision's `CenterCrop(size)`, padded with black where the picture is smaller. */
export function centerCrop(image: RgbImage, size: number): RgbImage {
  const left = centerCropOffset(image.width, size);
  const top = centerCropOffset(image.height, size);
  return cropImage(image, { left, top, width: size, height: size });
}

/** A picture as a square of `size` pixels: shorter side resized (bilinear, as train_dreambooth.py), middle cut out. */
export function squareImage(image: RgbImage, size: number, resample: Resample = 'bilinear'): RgbImage {
  const { width, height } = resizedSize(image, size);
  return centerCrop(resizeImage(image, width, height, resample), size);
}

/** `ToTensor` and `Normalize([0.5], [0.5])` in float32: 0..255 to [-1, 1]. HWC stays HWC. */
export function toPixels(bytes: Uint8Array): Float32Array {
  return mapBytes(bytes, DREAMBOOTH_LEVELS);
}

/** `arr / 127.5 - 1` in float32, textual_inversion.py's way; off by one rounding from `toPixels`. */
export function toPixelsBy127(bytes: Uint8Array): Float32Array {
  return mapBytes(bytes, TEXTUAL_INVERSION_LEVELS);
}

const DREAMBOOTH_LEVELS = Float32Array.from({ length: 256 }, (_, level) => {
  return Math.fround(Math.fround(Math.fround(level / 255) - 0.5) / 0.5);
});
const TEXTUAL_INVERSION_LEVELS = Float32Array.from(
  { length: 256 },
  (_, level) => Math.fround(level / 127.5) - 1,
);

function mapBytes(bytes: Uint8Array, levels: Float32Array): Float32Array {
  const result = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) result[i] = levels[bytes[i] ?? 0] ?? 0;
  return result;
}

export interface DreamBoothTransform {
  /** Side of the square that comes out, in pixels. */
  readonly size: number;
  /** Default bilinear, as train_dreambooth.py; train_dreambooth_lora.py uses lanczos. */
  readonly resample?: Resample;
  /** Mirrored before anything else. Default false. */
  readonly flip?: boolean;
}

/** train_dreambooth.py with `--center_crop`: Resize(shorter side), CenterCrop, [-1, 1]. `[size, size, 3]` */
export function dreamBoothPixels(image: RgbImage, options: DreamBoothTransform): Float32Array {
  const { size, resample, flip = false } = options;
  return toPixels(squareImage(flip ? flipHorizontally(image) : image, size, resample).data);
}

/**
 * textual_inversion.py: squashed to a square with bicubic whatever the aspect ratio, `/ 127.5 - 1`; with
 * `centerCrop` the largest middle square is cut out first. `[size, size, 3]`
 */
export function textualInversionPixels(
  image: RgbImage,
  options: { readonly size: number; readonly centerCrop?: boolean; readonly resample?: Resample },
): Float32Array {
  const { size, centerCrop: cropFirst = false, resample = 'bicubic' } = options;
  const source = cropFirst ? middleSquare(image) : image;
  return toPixelsBy127(resizeImage(source, size, size, resample).data);
}

/** The script's own crop, which floors where torchvision rounds. */
function middleSquare(image: RgbImage): RgbImage {
  const side = Math.min(image.width, image.height);
  const left = Math.floor((image.width - side) / 2);
  const top = Math.floor((image.height - side) / 2);
  const data = cropSamples(image.data, { ...image, channels: 3 }, { left, top, width: side, height: side });
  return { width: side, height: side, data };
}
