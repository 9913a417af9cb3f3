// Between what a network makes and 8-bit pictures.
import type { RgbImage } from '../data/rgbImage.ts';
import { roundHalfToEven, toPixels } from '../data/transform.ts';

/**
 * Decoder output `[height, width, 3]` in [-1, 1] to 8-bit RGB, as diffusers' VaeImageProcessor:
 * `(x / 2 + 0.5).clamp(0, 1)`, times 255, halves to even, all in float32. NaN becomes black.
 */
export function pixelsToImage(pixels: Float32Array, width: number, height: number): RgbImage {
  if (pixels.length !== width * height * 3) {
    const expected = `${String(height)} x ${String(width)} x 3`;
    throw new RangeError(`pixelsToImage: expected ${expected} values, got ${String(pixels.length)}`);
  }
  const data = new Uint8Array(pixels.length);
  for (let i = 0; i < data.length; i++) {
    const unit = Math.fround((pixels[i] ?? 0) / 2 + 0.5);
    data[i] = roundHalfToEven(Math.fround(Math.min(1, Math.max(0, unit)) * 255));
  }
  return { width, height, data };
}

/** 8-bit RGB to `[height, width, 3]` in [-1, 1]; `pixelsToImage` takes it back exactly. */
export function imageToPixels(image: RgbImage): Float32Array {
  return toPixels(image.data);
}
