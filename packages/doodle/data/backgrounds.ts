// Backgrounds as pixels. Scenes are rendered from SVG once per variant and kept: a variant is the same for every seed.
import sharp from 'sharp';
import { chanceOf } from './chance.ts';
import { colourOf, toRgb, type Rgb } from './colours.ts';
import type { Background } from './plan.ts';
import type { Scene } from './scenes/scene.ts';

export interface Layers {
  /** RGB, `side × side`. */
  readonly back: Uint8Array;
  /** RGBA with colours multiplied by alpha: what lies before the thing. */
  readonly front?: Uint8Array;
}

/** Scenes vary by a seed of their own, so that other pictures of other seeds share what was rendered. */
const SCENE_SEED = 0;

export class Backgrounds {
  readonly #rendered = new Map<string, Promise<Layers>>();
  readonly #side: number;

  /** @param side in pixels */
  constructor(side: number) {
    this.#side = side;
  }

  /** The layers of a background, mirrored where it says so. Not to be written into. */
  async layers(background: Background): Promise<Layers> {
    if ('flat' in background) return { back: this.#flat(background) };
    const { scene, variant, mirrored } = background;
    const rendered = await this.#variant(scene, variant);
    if (!mirrored) return rendered;
    return {
      back: mirror(rendered.back, this.#side, 3),
      ...(rendered.front === undefined ? {} : { front: mirror(rendered.front, this.#side, 4) }),
    };
  }

  #variant(scene: Scene, variant: number): Promise<Layers> {
    const key = `${scene.name}/${String(variant)}`;
    let rendered = this.#rendered.get(key);
    if (rendered === undefined) {
      rendered = renderScene(scene, variant, this.#side);
      this.#rendered.set(key, rendered);
    }
    return rendered;
  }

  /** Flat colour, a breath lighter at the top than at the bottom. */
  #flat({ flat, shade }: Extract<Background, { flat: unknown }>): Uint8Array {
    const side = this.#side;
    const [l, a, b] = colourOf(flat);
    const out = new Uint8Array(side * side * 3);
    for (let y = 0; y < side; y++) {
      const lift = 0.025 * (1 - (2 * y) / side);
      const rgb: Rgb = toRgb([Math.min(1, l + shade[0] + lift), a + shade[1], b + shade[2]]);
      for (let x = 0; x < side; x++) out.set(rgb, (y * side + x) * 3);
    }
    return out;
  }
}

/** One drawing of a scene. */
async function renderScene(scene: Scene, variant: number, side: number): Promise<Layers> {
  const { back, front } = scene.draw(chanceOf(SCENE_SEED, `scene/${scene.name}`, variant));
  const backPixels = await sharp(svgOf(back, side)).removeAlpha().raw().toBuffer();
  if (front === undefined) return { back: backPixels };
  const frontPixels = await sharp(svgOf(front, side)).ensureAlpha().raw().toBuffer();
  for (let at = 0; at < frontPixels.length; at += 4) {
    const alpha = frontPixels[at + 3] ?? 0;
    for (let c = 0; c < 3; c++) frontPixels[at + c] = Math.round(((frontPixels[at + c] ?? 0) * alpha) / 255);
  }
  return { back: backPixels, front: frontPixels };
}

function svgOf(elements: string, side: number): Buffer {
  const size = String(side);
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="${size}" height="${size}">${elements}</svg>`,
  );
}

function mirror(pixels: Uint8Array, side: number, channels: number): Uint8Array {
  const out = new Uint8Array(pixels.length);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const from = (y * side + x) * channels;
      const to = (y * side + side - 1 - x) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = pixels[from + c] ?? 0;
    }
  }
  return out;
}
