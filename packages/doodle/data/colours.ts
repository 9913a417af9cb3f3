// Colour words, and colours as people see them: OKLab (Ottosson 2020, bottosson.github.io/posts/oklab), where equal
// steps look equal, so that a recoloured thing keeps its light and shade.

export const COLOUR_WORDS = [
  'red',
  'orange',
  'yellow',
  'green',
  'blue',
  'purple',
  'pink',
  'white',
  'black',
  'gray',
  'brown',
] as const;
export type ColourWord = (typeof COLOUR_WORDS)[number];

/** sRGB, 0 to 255. */
export type Rgb = readonly [number, number, number];
/** Lightness 0 to 1, then the green-red and blue-yellow axes. */
export type Lab = readonly [number, number, number];

const CENTRES: Readonly<Record<ColourWord, Rgb>> = {
  red: [222, 45, 48],
  orange: [250, 136, 26],
  yellow: [252, 212, 44],
  green: [66, 172, 72],
  blue: [44, 110, 222],
  purple: [140, 70, 198],
  pink: [255, 140, 196],
  white: [246, 246, 244],
  black: [42, 42, 48],
  gray: [146, 150, 156],
  brown: [138, 88, 50],
};

/** The middle of what a word means. */
export function colourOf(word: ColourWord): Lab {
  return toLab(...CENTRES[word]);
}

export function toLab(red: number, green: number, blue: number): Lab {
  const r = linear(red);
  const g = linear(green);
  const b = linear(blue);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** Clipped to what a screen can show; whole numbers. */
export function toRgb([lightness, a, b]: Lab): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

const LINEAR = Float64Array.from({ length: 256 }, (_, value) => {
  const v = value / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

function linear(value: number): number {
  return LINEAR[Math.min(255, Math.max(0, Math.round(value)))] ?? 0;
}

const ENCODED_STEPS = 4096;
const ENCODED = Uint8Array.from({ length: ENCODED_STEPS + 1 }, (_, step) => {
  const v = step / ENCODED_STEPS;
  return Math.round(255 * (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055));
});

function encoded(value: number): number {
  return ENCODED[Math.round(Math.min(1, Math.max(0, value)) * ENCODED_STEPS)] ?? 0;
}
