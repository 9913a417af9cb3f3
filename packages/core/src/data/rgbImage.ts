// The one in-memory picture of the project: 8-bit RGB, rows from the top, channels last.

export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`, 8-bit RGB. */
  readonly data: Uint8Array;
  /** `[height, width]`, 255 = opaque; only where the file had an alpha channel. */
  readonly alpha?: Uint8Array;
}

/** Mirrors left and right (torchvision's `hflip`). */
export function flipHorizontally(image: RgbImage): RgbImage {
  const { width, height } = image;
  const data = flipRows(image.data, width, height, 3);
  return image.alpha
    ? { width, height, data, alpha: flipRows(image.alpha, width, height, 1) }
    : { width, height, data };
}

/** Mirrors the rows of interleaved samples `[height, width, channels]`. */
export function flipRows(samples: Uint8Array, width: number, height: number, channels: number): Uint8Array {
  const flipped = new Uint8Array(samples.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      flipped.set(samples.subarray(from, from + channels), (y * width + (width - 1 - x)) * channels);
    }
  }
  return flipped;
}

/** Luminance `[height, width]` with Pillow's `convert('L')` weights; gray pictures come back unchanged. */
export function luminance({ width, height, data }: RgbImage): Uint8Array {
  const gray = new Uint8Array(width * height);
  for (let i = 0; i < gray.length; i++) {
    const red = data[3 * i] ?? 0;
    const green = data[3 * i + 1] ?? 0;
    const blue = data[3 * i + 2] ?? 0;
    gray[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  }
  return gray;
}
