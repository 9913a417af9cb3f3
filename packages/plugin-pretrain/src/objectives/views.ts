// A picture seen anew: mirrored, nearer or further, moved, a little blurred, in another light or in other colours. Drawn
// as numbers by (seed, step), applied inside the step: pictures are fed as they lie in the store, three bytes a number.
import { tf, type RandomStream, type Tensor } from '@likeness/core';

/** How far views go. */
export interface ViewRanges {
  /** Share of pictures that are mirrored. */
  readonly flip: number;
  /** Nearer or further by up to this factor. */
  readonly zoom: number;
  /** Moved by up to this share of the side. */
  readonly shift: number;
  /** Blurred over up to so many pixels. */
  readonly blurPx: number;
  /** Brightness, contrast and saturation change by up to this share. */
  readonly light: number;
  /** Hues turn by up to so many degrees. */
  readonly hueDegrees: number;
}

/** Numbers of a view: down and across, scale, offset in pixels; blur in pixels. */
export const VIEW_NUMBERS = 5;
/** A 3 × 3 matrix over colours in [0, 1], row by row, and what is added. */
export const COLOUR_NUMBERS = 12;

type Matrix = readonly number[];

/** Three bytes in one number: a third of what is fed otherwise. */
export function packPixels(bytes: Uint8Array): Int32Array {
  const packed = new Int32Array(bytes.length / 3);
  for (let i = 0, at = 0; i < packed.length; i++, at += 3)
    packed[i] = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  return packed;
}

/** Traced: int32 `[B, H, W]` → colours in [0, 1], `[B, H, W, 3]`. */
export function unpackPixels(packed: Tensor): Tensor {
  const all = tf.cast(packed, 'float32'); // exact below 2²⁴
  const red = tf.floor(tf.div(all, 65536));
  const rest = tf.sub(all, tf.mul(red, 65536));
  const green = tf.floor(tf.div(rest, 256));
  return tf.div(tf.stack([red, green, tf.sub(rest, tf.mul(green, 256))], 3), 255);
}

/** Traced: colours in [0, 1] → what encoders take here, [-1, 1]. */
export const toEncoder = (colours: Tensor): Tensor => tf.sub(tf.mul(colours, 2), 1);

/** Traced: views `[B, 5]` and colours `[B, 12]` of pictures `[B, H, W, 3]` in [0, 1]. */
export function applyViews(pixels: Tensor, views: Tensor, colours: Tensor): Tensor {
  const [batch = 1, height = 1, width = 1] = pixels.shape;
  const number = (i: number): Tensor => tf.reshape(tf.slice(views, [0, i], [batch, 1]), [batch, 1, 1]);
  const blur = number(4);
  const down = resampling(height, number(0), number(2), blur);
  const across = resampling(width, number(1), number(3), blur);
  const rows = tf.matMul(down, tf.reshape(pixels, [batch, height, width * 3])); // [B, H', W · 3]
  const columns = tf.reshape(tf.transpose(tf.reshape(rows, [batch, height, width, 3]), [0, 2, 1, 3]), [
    batch,
    width,
    height * 3,
  ]);
  const seen = tf.reshape(tf.matMul(across, columns), [batch, width, height, 3]);
  const places = tf.reshape(tf.transpose(seen, [0, 2, 1, 3]), [batch, height * width, 3]);
  const matrix = tf.reshape(tf.slice(colours, [0, 0], [batch, 9]), [batch, 3, 3]);
  const added = tf.reshape(tf.slice(colours, [0, 9], [batch, 3]), [batch, 1, 3]);
  const coloured = tf.add(tf.matMul(places, matrix, false, true), added);
  return tf.reshape(tf.minimum(tf.maximum(coloured, 0), 1), [batch, height, width, 3]);
}

/**
 * Where each new place looks, as weights `[B, side, side]` that sum to 1: a tent around its middle, as wide as the scale
 * or the blur. Beyond the border the border's colour.
 */
function resampling(side: number, scale: Tensor, offset: Tensor, blur: Tensor): Tensor {
  const places = Float32Array.from({ length: side }, (_, i) => i - (side - 1) / 2);
  const to = tf.reshape(tf.tensor1d(places), [1, side, 1]);
  const from = tf.reshape(tf.tensor1d(places), [1, 1, side]);
  const most = (side - 1) / 2;
  const middle = tf.minimum(tf.maximum(tf.add(tf.mul(to, scale), offset), -most), most); // [B, side, 1]
  const width = tf.maximum(tf.maximum(tf.abs(scale), blur), 1);
  const tent = tf.maximum(tf.sub(1, tf.div(tf.abs(tf.sub(from, middle)), width)), 0);
  return tf.div(tent, tf.sum(tent, 2, true));
}

/** Views of so many pictures, `[count, 5]`. */
export function drawViews(
  stream: RandomStream,
  count: number,
  side: number,
  { flip, zoom, shift, blurPx }: ViewRanges,
): Float32Array {
  const drawn = stream.uniform(count * 6);
  const views = new Float32Array(count * VIEW_NUMBERS);
  for (let i = 0; i < count; i++) {
    const at = (n: number): number => drawn[i * 6 + n] ?? 0;
    const scale = zoom ** (2 * at(0) - 1);
    const stretch = 1.06 ** (2 * at(1) - 1);
    const move = (draw: number): number => (2 * draw - 1) * shift * side;
    const mirror = at(2) < flip ? -1 : 1;
    views.set(
      [scale * stretch, (mirror * scale) / stretch, move(at(3)), move(at(4)), 1 + blurPx * at(5) ** 2],
      i * VIEW_NUMBERS,
    );
  }
  return views;
}

/** Light of so many pictures, `[count, 12]`, each after its own recolouring. */
export function drawColours(
  stream: RandomStream,
  count: number,
  { light, hueDegrees }: ViewRanges,
  recolouring: (row: number) => Palette | undefined = () => undefined,
): Float32Array {
  const drawn = stream.uniform(count * 4);
  const colours = new Float32Array(count * COLOUR_NUMBERS);
  for (let i = 0; i < count; i++) {
    const around = (n: number): number => 2 * (drawn[i * 4 + n] ?? 0) - 1;
    const own = recolouring(i);
    const contrast = (1 + light * around(1)) * (own?.contrast ?? 1);
    const gain = (1 + light * around(0)) * contrast;
    const tint = product(saturation(1 + light * around(2)), hueRotation(hueDegrees * around(3)));
    const matrix = own ? product(tint, own.matrix) : tint;
    const added = 0.5 * (1 - contrast); // around the middle grey
    colours.set([...matrix.map((value) => value * gain), added, added, added], i * COLOUR_NUMBERS);
  }
  return colours;
}

/** Colours of a palette: a matrix over them, and a factor around the middle grey. */
export interface Palette {
  readonly matrix: Matrix;
  readonly contrast: number;
}

/** Numbers a palette is drawn from. */
export const PALETTE_NUMBERS = 4;
/** Share of palettes without any colour, as ink has none: what is left to tell things by is their shape. */
const GREY = 0.25;
/** Share of palettes that are negatives: dark is light. */
const NEGATIVE = 0.15;

/**
 * Other colours: hues turn by at least 40 degrees, in fuller or paler colours; or none at all, up to black and white.
 * @param draws four numbers in [0, 1)
 */
export function otherColours([turn = 0, depth = 0, sign = 1, strength = 0]: readonly number[]): Palette {
  const isGrey = depth < GREY;
  const contrast = isGrey ? 1 + 2 * strength ** 2 : 1;
  return {
    matrix: product(saturation(isGrey ? 0 : 0.6 + 0.7 * depth), hueRotation(40 + 280 * turn)),
    contrast: sign < NEGATIVE ? -contrast : contrast,
  };
}

/** Turns hues around the grey axis. */
function hueRotation(degrees: number): Matrix {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle) / Math.sqrt(3)];
  const third = (1 - cos) / 3;
  const [same, next, last] = [third + cos, third - sin, third + sin];
  return [same, next, last, last, same, next, next, last, same];
}

/** Away from grey (above 1) or towards it. */
function saturation(factor: number): Matrix {
  const [own, other] = [factor + (1 - factor) / 3, (1 - factor) / 3];
  return [own, other, other, other, own, other, other, other, own];
}

function product(a: Matrix, b: Matrix): Matrix {
  return Array.from({ length: 9 }, (_, at) => {
    const [row, column] = [Math.floor(at / 3) * 3, at % 3];
    return [0, 1, 2].reduce((sum, k) => sum + (a[row + k] ?? 0) * (b[k * 3 + column] ?? 0), 0);
  });
}
