// A thing in another colour: what it is mostly made of takes the new colour, and eyes, outlines and ornaments stay.
import { toLab, toRgb, type Lab, type Rgb } from './colours.ts';
import type { Pixels, Raster } from './raster.ts';

/** Families of colours in a drawing: twelve hues, then dark, middle and light without hue. */
const HUES = 12;
const [DARK, MIDDLE, LIGHT] = [HUES, HUES + 1, HUES + 2] as const;
const FAMILIES = HUES + 3;
const NEUTRAL_CHROMA = 0.045;
/** Families are taken, largest first, until they cover this share of the drawing. */
const SHARE = 0.62;
/** White stays white (bellies, faces of clocks) unless less than this share has another colour. */
const SHARE_WITHOUT_WHITE = 0.4;
/** Dark without hue is outline, pupil or tyre, and stays, unless it covers this share: a penguin's back. */
const DARK_BODY_SHARE = 0.25;
const OUTLINE_LIGHTNESS = 0.33;
/** How much of the difference between families, a mane and a face, is kept. */
const KEPT_DIFFERENCE = 0.3;

/** What of a drawing changes with its colour. */
export interface MainColour {
  /** By family: how much of it changes, 0 to 1. */
  readonly members: Float32Array;
  /** By family: mean lightness and chroma. */
  readonly lightness: Float32Array;
  readonly chroma: Float32Array;
  /** Mean lightness of all that changes. */
  readonly meanLightness: number;
}

/** Finds the colours that most of a drawing has. */
export function mainColour(raster: Raster): MainColour {
  const level = raster[Math.min(2, raster.length - 1)] ?? raster[0];
  const area = new Float64Array(FAMILIES);
  const lightness = new Float32Array(FAMILIES);
  const chroma = new Float32Array(FAMILIES);
  eachPixel(level, (lab, alpha) => {
    const family = familyOf(lab);
    area[family] = (area[family] ?? 0) + alpha;
    lightness[family] = (lightness[family] ?? 0) + alpha * lab[0];
    chroma[family] = (chroma[family] ?? 0) + alpha * Math.hypot(lab[1], lab[2]);
  });
  const whole = area.reduce((sum, share) => sum + share, 0);
  const members = new Float32Array(FAMILIES);
  let taken = 0;
  let light = 0;
  for (const family of inOrder(area, whole)) {
    if (taken >= SHARE * whole || (family === LIGHT && taken >= SHARE_WITHOUT_WHITE * whole)) break;
    members[family] = 1;
    taken += area[family] ?? 0;
    light += lightness[family] ?? 0;
  }
  for (let family = 0; family < FAMILIES; family++) {
    const size = area[family] ?? 0;
    if (size === 0) continue;
    lightness[family] = (lightness[family] ?? 0) / size;
    chroma[family] = (chroma[family] ?? 0) / size;
  }
  // Shades of one colour fall into neighbouring hues: those go along, most of the way, so that no seam shows.
  const beside = members.map((_, hue) =>
    hue < HUES ? Math.max(members[(hue + 1) % HUES] ?? 0, members[(hue + HUES - 1) % HUES] ?? 0) : 0,
  );
  return {
    members: members.map((share, family) => Math.max(share, 0.7 * (beside[family] ?? 0))),
    lightness,
    chroma,
    meanLightness: light / taken,
  };
}

/** Families that may change, largest first, white after all others. */
function inOrder(area: Float64Array, whole: number): number[] {
  return [...area.keys()]
    .filter((family) => family !== DARK || (area[DARK] ?? 0) >= DARK_BODY_SHARE * whole)
    .sort((i, j) => Number(i === LIGHT) - Number(j === LIGHT) || (area[j] ?? 0) - (area[i] ?? 0) || i - j);
}

/** A copy in the colour `target`; the spread of lightness stays, narrowed where the new colour is near black or white. */
export function recolour(pixels: Pixels, main: MainColour, target: Lab): Pixels {
  const data = new Uint8ClampedArray(pixels.data);
  // Drawings have few colours: each is turned once.
  const turned = new Map<number, Rgb | undefined>();
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] ?? 0;
    if (alpha === 0) continue;
    const rgb = withoutAlpha(pixels.data, at);
    const key = rgb[0] * 65536 + rgb[1] * 256 + rgb[2];
    let out = turned.get(key);
    if (out === undefined && !turned.has(key)) {
      out = turnColour(toLab(...rgb), main, target);
      turned.set(key, out);
    }
    if (out === undefined) continue;
    for (let c = 0; c < 3; c++) data[at + c] = Math.round(((out[c] ?? 0) * alpha) / 255);
  }
  return { width: pixels.width, height: pixels.height, data };
}

/** Undefined for a colour that stays. */
function turnColour(lab: Lab, main: MainColour, target: Lab): Rgb | undefined {
  const family = familyOf(lab);
  const weight = main.members[family] ?? 0;
  if (weight === 0) return undefined;
  const room = Math.min(1, 2.2 * Math.min(target[0], 1.04 - target[0]) + 0.25);
  const familyLightness = main.lightness[family] ?? 0;
  const familyChroma = main.chroma[family] ?? 0;
  const shade = lab[0] - familyLightness + KEPT_DIFFERENCE * (familyLightness - main.meanLightness);
  const chroma = Math.hypot(lab[1], lab[2]);
  const strength = familyChroma > NEUTRAL_CHROMA ? Math.min(1.15, 0.35 + (0.65 * chroma) / familyChroma) : 1;
  const lightness = Math.min(1, Math.max(0.05, target[0] + shade * room));
  // Deep shade and bright light hold less colour than the middle.
  const scale = strength * Math.max(0.35, 1 - Math.abs(lightness - target[0]) * 1.1);
  return toRgb([
    mix(lab[0], lightness, weight),
    mix(lab[1], target[1] * scale, weight),
    mix(lab[2], target[2] * scale, weight),
  ]);
}

function familyOf(lab: Lab): number {
  const chroma = Math.hypot(lab[1], lab[2]);
  if (lab[0] < OUTLINE_LIGHTNESS && chroma < 2 * NEUTRAL_CHROMA) return DARK;
  if (chroma < NEUTRAL_CHROMA) return lab[0] < 0.92 ? MIDDLE : LIGHT;
  const turn = (Math.atan2(lab[2], lab[1]) / (2 * Math.PI) + 1) % 1;
  return Math.floor(turn * HUES) % HUES;
}

/** Colours as they are without alpha; `alpha` from 0 to 1. */
function eachPixel({ data }: Pixels, visit: (lab: Lab, alpha: number) => void): void {
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] ?? 0;
    if (alpha > 0) visit(toLab(...withoutAlpha(data, at)), alpha / 255);
  }
}

function withoutAlpha(data: Uint8ClampedArray, at: number): Rgb {
  const scale = 255 / (data[at + 3] ?? 255);
  const channel = (c: number): number => Math.min(255, Math.round((data[at + c] ?? 0) * scale));
  return [channel(0), channel(1), channel(2)];
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
