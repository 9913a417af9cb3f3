// Puts a thing into a background: shadow, thing, what lies before it, light; at twice the size, then shrunk.
import type { Layers } from './backgrounds.ts';
import type { Layout } from './layout.ts';
import type { Pixels } from './raster.ts';
import type { Footing } from './scenes/scene.ts';

/** Pictures are put together at twice their size each way. */
export const OVERSAMPLING = 2;

export interface Placement {
  readonly layout: Layout;
  /** `lean` on flat colour. */
  readonly footing: Footing;
  /** What falls on the thing, as factors of red, green and blue. */
  readonly light: readonly [number, number, number];
}

/** Below this distance (of 255) between the thing's edge and what is behind it, the edge can't be seen. */
const EDGE_CONTRAST = 44;
/** A thing needs a glow when this share of its edge can't be seen. */
const FAINT_SHARE = 0.3;
const HALO_STRENGTH = 0.6;
const [BRIGHT, DARK] = [255, 40] as const;
const LEAN_SHADOW = 0.3;
const GROUND_SHADOW = 0.34;

/** The drawing in its colours, about as fine as it will be drawn, and much coarser, for shadow and glow. */
export interface Thing {
  readonly fine: Pixels;
  readonly coarse: Pixels;
}

/**
 * Draws one picture.
 * @param side of the canvas the layers have, in pixels
 * @returns RGB of `side / OVERSAMPLING` each way
 */
export function compose(thing: Thing, layers: Layers, side: number, placement: Placement): Uint8Array {
  const canvas = new Float32Array(layers.back);
  const spot = spotOf(thing.fine, side, placement.layout);
  const sampled = sample(thing.fine, spot, side);
  const { layout, footing } = placement;
  if (layout.standing && footing === 'stand') groundShadow(canvas, side, spot);
  const ink = haloInk(canvas, side, sampled);
  if (footing === 'lean' || ink !== undefined) {
    const soft = sample(thing.coarse, spot, side);
    if (footing === 'lean') leanShadow(canvas, side, soft);
    if (ink !== undefined) halo(canvas, side, soft, ink);
  }
  layOver(canvas, sampled.data, sampled, side, placement.light);
  // Waves and grass are before what stands in them, not before what flies.
  if (layers.front && (layout.standing || footing !== 'wade')) {
    layOver(canvas, layers.front, { left: 0, top: 0, width: side, height: side }, side, [1, 1, 1]);
  }
  return shrink(canvas, side, layout.exposure);
}

/** A turned rectangle on the canvas, in pixels. */
interface Spot {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly cos: number;
  readonly sin: number;
  readonly mirrored: boolean;
}

interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A part of the canvas with RGBA (multiplied by alpha, 0 to 255) of what is drawn there. */
interface Sampled extends Region {
  readonly data: Float32Array;
}

function spotOf({ width, height }: Pixels, side: number, layout: Layout): Spot {
  const perPixel = (layout.scale * side) / Math.max(width, height);
  const angle = (layout.degrees * Math.PI) / 180;
  const [w, h] = [width * perPixel, height * perPixel];
  return {
    x: layout.x * side,
    y: layout.standing ? layout.y * side - h / 2 : layout.y * side,
    width: w,
    height: h,
    cos: Math.cos(angle),
    sin: Math.sin(angle),
    mirrored: layout.mirrored,
  };
}

/** The drawing where it falls on the canvas, interpolated between its pixels. */
function sample(level: Pixels, spot: Spot, side: number): Sampled {
  const { cos, sin, width: w, height: h } = spot;
  const margin = (2 * Math.max(w, h)) / Math.max(level.width, level.height) + 1;
  const halfWidth = (Math.abs(cos) * w + Math.abs(sin) * h) / 2 + margin;
  const halfHeight = (Math.abs(sin) * w + Math.abs(cos) * h) / 2 + margin;
  const left = Math.max(0, Math.floor(spot.x - halfWidth));
  const top = Math.max(0, Math.floor(spot.y - halfHeight));
  const width = Math.max(0, Math.min(side, Math.ceil(spot.x + halfWidth)) - left);
  const height = Math.max(0, Math.min(side, Math.ceil(spot.y + halfHeight)) - top);
  const data = new Float32Array(width * height * 4);
  const perX = (level.width / w) * (spot.mirrored ? -1 : 1);
  const perY = level.height / h;
  for (let row = 0; row < height; row++) {
    const dy = top + row + 0.5 - spot.y;
    for (let column = 0; column < width; column++) {
      const dx = left + column + 0.5 - spot.x;
      const u = level.width / 2 + (cos * dx + sin * dy) * perX - 0.5;
      const v = level.height / 2 + (cos * dy - sin * dx) * perY - 0.5;
      if (u > -1 && v > -1 && u < level.width && v < level.height) {
        interpolate(level, u, v, data, (row * width + column) * 4);
      }
    }
  }
  return { left, top, width, height, data };
}

/** Bilinear; outside is transparent. */
function interpolate(level: Pixels, u: number, v: number, out: Float32Array, at: number): void {
  const { width, height, data } = level;
  const x = Math.floor(u);
  const y = Math.floor(v);
  const fx = u - x;
  const fy = v - y;
  const shares = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy] as const;
  for (let corner = 0; corner < 4; corner++) {
    const cx = x + (corner & 1);
    const cy = y + (corner >> 1);
    if (cx < 0 || cy < 0 || cx >= width || cy >= height) continue;
    const share = shares[corner] ?? 0;
    const from = (cy * width + cx) * 4;
    // Written out: this is the innermost loop of all.
    out[at] = (out[at] ?? 0) + share * (data[from] ?? 0);
    out[at + 1] = (out[at + 1] ?? 0) + share * (data[from + 1] ?? 0);
    out[at + 2] = (out[at + 2] ?? 0) + share * (data[from + 2] ?? 0);
    out[at + 3] = (out[at + 3] ?? 0) + share * (data[from + 3] ?? 0);
  }
}

/** A soft ellipse at the feet. */
function groundShadow(canvas: Float32Array, side: number, spot: Spot): void {
  const rx = spot.width * 0.46;
  const ry = Math.max(side * 0.022, spot.width * 0.075);
  const cy = spot.y + spot.height / 2 - ry * 0.35;
  for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(side, cy + ry); y++) {
    for (let x = Math.max(0, Math.floor(spot.x - rx)); x < Math.min(side, spot.x + rx); x++) {
      const r = ((x + 0.5 - spot.x) / rx) ** 2 + ((y + 0.5 - cy) / ry) ** 2;
      if (r < 1) darken(canvas, (y * side + x) * 3, GROUND_SHADOW * (1 - r * r));
    }
  }
}

/** A soft shadow of the whole shape, a little to the lower right. */
function leanShadow(canvas: Float32Array, side: number, soft: Sampled): void {
  const shift = Math.round(side * 0.02);
  eachOnCanvas(soft, side, shift, (at, from) =>
    darken(canvas, at, (LEAN_SHADOW * (soft.data[from + 3] ?? 0)) / 255),
  );
}

function darken(canvas: Float32Array, at: number, share: number): void {
  for (let c = 0; c < 3; c++) canvas[at + c] = (canvas[at + c] ?? 0) * (1 - share);
}

/** Brightness of the glow a thing needs whose edge would not be seen (dark on light ground); else undefined. */
function haloInk(canvas: Float32Array, side: number, sampled: Sampled): number | undefined {
  let [edges, faint, brightness] = [0, 0, 0];
  eachOnCanvas(sampled, side, 0, (at, from) => {
    const alpha = sampled.data[from + 3] ?? 0;
    if (alpha < 60 || alpha > 200) return;
    let distance = 0;
    for (let c = 0; c < 3; c++) {
      const behind = canvas[at + c] ?? 0;
      distance += Math.abs(((sampled.data[from + c] ?? 0) * 255) / alpha - behind);
      brightness += behind;
    }
    edges += 1;
    if (distance / 3 < EDGE_CONTRAST) faint += 1;
  });
  if (edges === 0 || faint < FAINT_SHARE * edges) return undefined;
  return brightness / (3 * edges) < 128 ? BRIGHT : DARK;
}

function halo(canvas: Float32Array, side: number, soft: Sampled, ink: number): void {
  const strength = ink === BRIGHT ? HALO_STRENGTH : HALO_STRENGTH / 2;
  eachOnCanvas(soft, side, 0, (at, from) => {
    const share = strength * Math.min(1, ((soft.data[from + 3] ?? 0) / 255) * 2.2);
    for (let c = 0; c < 3; c++) {
      const behind = canvas[at + c] ?? 0;
      canvas[at + c] = behind + (ink - behind) * share;
    }
  });
}

function layOver(
  canvas: Float32Array,
  layer: Float32Array | Uint8Array,
  region: Region,
  side: number,
  light: readonly [number, number, number],
): void {
  eachOnCanvas(region, side, 0, (at, from) => {
    const alpha = layer[from + 3] ?? 0;
    if (alpha === 0) return;
    const through = 1 - alpha / 255;
    for (let c = 0; c < 3; c++) {
      canvas[at + c] = (canvas[at + c] ?? 0) * through + (layer[from + c] ?? 0) * (light[c] ?? 1);
    }
  });
}

/** Places of a region's pixels on the canvas (RGB) and in the region itself (RGBA). */
function eachOnCanvas(
  region: Region,
  side: number,
  shift: number,
  visit: (at: number, from: number) => void,
): void {
  for (let row = 0; row < region.height; row++) {
    const y = region.top + row + shift;
    if (y >= side) break;
    for (let column = 0; column < region.width; column++) {
      const x = region.left + column + shift;
      if (x < side) visit((y * side + x) * 3, (row * region.width + column) * 4);
    }
  }
}

/** Means of four pixels, rounded: the last bits of a sine are lost here. */
function shrink(canvas: Float32Array, side: number, exposure: readonly [number, number, number]): Uint8Array {
  const small = side / OVERSAMPLING;
  const out = new Uint8Array(small * small * 3);
  const below = side * 3;
  for (let y = 0; y < small; y++) {
    for (let x = 0; x < small; x++) {
      for (let c = 0; c < 3; c++) {
        const from = (2 * y * side + 2 * x) * 3 + c;
        const upper = (canvas[from] ?? 0) + (canvas[from + 3] ?? 0);
        const lower = (canvas[from + below] ?? 0) + (canvas[from + below + 3] ?? 0);
        const mean = ((upper + lower) / 4) * (exposure[c] ?? 1);
        out[(y * small + x) * 3 + c] = Math.min(255, Math.max(0, Math.round(mean)));
      }
    }
  }
  return out;
}
