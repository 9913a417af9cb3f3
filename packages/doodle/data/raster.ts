// Drawings as pixels: rendered once, cut to what is drawn, and halved again and again, so that a thing of any size is
// sampled from a picture about as fine as it needs.
import sharp from 'sharp';
import { drawingSvg } from './drawingSets.ts';
import type { DrawingId } from './catalog.ts';

/** RGBA with colours multiplied by alpha, 8 bits, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** The drawing at full size, then halved each time, down to a few pixels. */
export type Raster = readonly [Pixels, ...Pixels[]];

const SMALLEST_LEVEL_PX = 8;
/** Fainter margins than this are cut off. */
const VISIBLE_ALPHA = 12;

/**
 * Renders a drawing.
 * @param sidePx side of the square it is rendered in; cut to the drawing, one side may be shorter
 * @throws RangeError when there is no such drawing, or nothing of it can be seen
 */
export async function rasterize(id: DrawingId, sidePx: number): Promise<Raster> {
  const picture = sharp(Buffer.from(drawingSvg(id, sidePx)));
  const { data, info } = await picture.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return levels(cut(premultiplied(data, info.width, info.height), id));
}

/** The finest level that is no more than twice as wide as `px`, or the finest there is. */
export function levelFor(raster: Raster, px: number): Pixels {
  let chosen: Pixels = raster[0];
  for (const level of raster) {
    if (Math.max(level.width, level.height) < px) break;
    chosen = level;
  }
  return chosen;
}

/** A copy with half the width and height, each pixel the mean of four; one that has no partner counts alone. */
export function halved({ width, height, data }: Pixels): Pixels {
  const w = Math.max(1, (width + 1) >> 1);
  const h = Math.max(1, (height + 1) >> 1);
  const out = new Uint8ClampedArray(w * h * 4);
  for (let y = 0; y < h; y++) {
    const top = 2 * y * width;
    const bottom = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < w; x++) {
      const left = 2 * x;
      const right = Math.min(left + 1, width - 1);
      for (let c = 0; c < 4; c++) {
        const sum =
          (data[(top + left) * 4 + c] ?? 0) +
          (data[(top + right) * 4 + c] ?? 0) +
          (data[(bottom + left) * 4 + c] ?? 0) +
          (data[(bottom + right) * 4 + c] ?? 0);
        out[(y * w + x) * 4 + c] = (sum + 2) >> 2;
      }
    }
  }
  return { width: w, height: h, data: out };
}

function levels(full: Pixels): Raster {
  const all: [Pixels, ...Pixels[]] = [full];
  let level = full;
  while (Math.max(level.width, level.height) > SMALLEST_LEVEL_PX) {
    level = halved(level);
    all.push(level);
  }
  return all;
}

function premultiplied(data: Uint8Array, width: number, height: number): Pixels {
  const out = new Uint8ClampedArray(data.length);
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] ?? 0;
    for (let c = 0; c < 3; c++) out[at + c] = Math.round(((data[at + c] ?? 0) * alpha) / 255);
    out[at + 3] = alpha;
  }
  return { width, height, data: out };
}

function cut({ width, height, data }: Pixels, id: DrawingId): Pixels {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((data[(y * width + x) * 4 + 3] ?? 0) <= VISIBLE_ALPHA) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) throw new RangeError(`nothing of ${id} can be seen`);
  const w = right - left + 1;
  const h = bottom - top + 1;
  const out = new Uint8ClampedArray(w * h * 4);
  for (let y = 0; y < h; y++) {
    const from = ((top + y) * width + left) * 4;
    out.set(data.subarray(from, from + w * 4), y * w * 4);
  }
  return { width: w, height: h, data: out };
}
