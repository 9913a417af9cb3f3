// How alike two drawings are, whatever set they come from: the same thing is often drawn alike, and a copy of a
// held-out subject in training would make every measurement on it worthless.
import type { DrawingId } from './catalog.ts';
import { levelFor, rasterize, type Pixels } from './raster.ts';

/** Side of the square in which drawings are compared. */
const SIDE = 24;
const CELLS = 6;
const DIRECTIONS = 8;

/** A drawing as numbers: what it looks like, and the course of its lines without colour; each also mirrored. */
export interface Look {
  readonly id: DrawingId;
  /** `[SIDE, SIDE, RGBA]`, colours multiplied by alpha, 0 to 1. */
  readonly pixels: Float32Array;
  readonly mirrored: Float32Array;
  /** Histograms of gradient directions in cells, unit length (after Dalal & Triggs 2005). */
  readonly lines: Float32Array;
  readonly linesMirrored: Float32Array;
}

export interface Likeness {
  readonly id: DrawingId;
  /** Root mean square difference of pixels, 0 to 1. */
  readonly distance: number;
  /** Cosine of the line histograms, 0 to 1. */
  readonly lines: number;
}

/**
 * Below this pixel distance, or above this likeness of lines, a drawing counts as a near-copy. Set by looking at pairs of
 * training drawings: Noto's bird and its first version's (0.09, 0.88), their monkeys (0.11, 0.89) and ghosts (0.14, 0.85)
 * are redrawn copies; at 0.18 things are of one kind, colour and shape, but nobody would take one for the other.
 */
export const NEAR_COPY = { distance: 0.17, lines: 0.84 } as const;

export function isNearCopy({ distance, lines }: Likeness): boolean {
  return distance < NEAR_COPY.distance || lines > NEAR_COPY.lines;
}

export async function lookOf(id: DrawingId): Promise<Look> {
  const raster = await rasterize(id, 128);
  const pixels = fitted(levelFor(raster, SIDE));
  const mirrored = flipped(pixels);
  return { id, pixels, mirrored, lines: lineHistograms(pixels), linesMirrored: lineHistograms(mirrored) };
}

/** The others by likeness, most alike first. */
export function neighbours(of: Look, among: readonly Look[]): Likeness[] {
  return among
    .filter(({ id }) => id !== of.id)
    .map((other) => ({
      id: other.id,
      distance: Math.min(rms(of.pixels, other.pixels), rms(of.pixels, other.mirrored)),
      lines: Math.max(dot(of.lines, other.lines), dot(of.lines, other.linesMirrored)),
    }))
    .sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1));
}

/** In the middle of the square, its longer side filling it; area means. */
function fitted({ width, height, data }: Pixels): Float32Array {
  const out = new Float32Array(SIDE * SIDE * 4);
  const scale = Math.max(width, height) / SIDE;
  const left = (Math.max(width, height) - width) / 2;
  const top = (Math.max(width, height) - height) / 2;
  const steps = 4;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      for (let part = 0; part < steps * steps; part++) {
        const u = Math.floor((x + ((part % steps) + 0.5) / steps) * scale - left);
        const v = Math.floor((y + (Math.floor(part / steps) + 0.5) / steps) * scale - top);
        if (u < 0 || v < 0 || u >= width || v >= height) continue;
        for (let c = 0; c < 4; c++) {
          const at = (y * SIDE + x) * 4 + c;
          out[at] = (out[at] ?? 0) + (data[(v * width + u) * 4 + c] ?? 0) / (255 * steps * steps);
        }
      }
    }
  }
  return out;
}

function flipped(pixels: Float32Array): Float32Array {
  const out = new Float32Array(pixels.length);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const from = (y * SIDE + x) * 4;
      out.set(pixels.subarray(from, from + 4), (y * SIDE + SIDE - 1 - x) * 4);
    }
  }
  return out;
}

/** Brightness on gray ground, its gradient's direction (without sign) by cell, weighted by its length. */
function lineHistograms(pixels: Float32Array): Float32Array {
  const gray = (x: number, y: number): number => {
    if (x < 0 || y < 0 || x >= SIDE || y >= SIDE) return 0.5;
    const at = (y * SIDE + x) * 4;
    const [r = 0, g = 0, b = 0, alpha = 0] = pixels.subarray(at, at + 4);
    return 0.3 * r + 0.59 * g + 0.11 * b + 0.5 * (1 - alpha);
  };
  const cell = SIDE / CELLS;
  const out = new Float32Array(CELLS * CELLS * DIRECTIONS);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const dx = gray(x + 1, y) - gray(x - 1, y);
      const dy = gray(x, y + 1) - gray(x, y - 1);
      const turn = (Math.atan2(dy, dx) / Math.PI + 1) % 1;
      const at =
        (Math.floor(y / cell) * CELLS + Math.floor(x / cell)) * DIRECTIONS +
        (Math.floor(turn * DIRECTIONS) % DIRECTIONS);
      out[at] = (out[at] ?? 0) + Math.sqrt(Math.hypot(dx, dy));
    }
  }
  const length = Math.sqrt(dot(out, out)) || 1;
  return out.map((value) => value / length);
}

function rms(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return Math.sqrt(sum / a.length);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
