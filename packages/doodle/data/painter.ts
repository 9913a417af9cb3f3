// Draws planned pictures. Keeps what it has rendered: drawings by name, scenes by variant.
import { Backgrounds } from './backgrounds.ts';
import { colourOf } from './colours.ts';
import { compose, OVERSAMPLING } from './compose.ts';
import type { DrawingId } from './catalog.ts';
import type { PicturePlan } from './plan.ts';
import { levelFor, rasterize, type Pixels, type Raster } from './raster.ts';
import { mainColour, recolour, type MainColour } from './recolour.ts';

/** Shadow and glow are taken from the drawing at an eighth of its size. */
const COARSE = 8;

export class Painter {
  readonly #side: number;
  readonly #backgrounds: Backgrounds;
  readonly #rasters = new Map<DrawingId, Promise<Raster>>();
  readonly #mainColours = new Map<DrawingId, MainColour>();

  /** @param sizePx side of the pictures */
  constructor(sizePx: number) {
    this.#side = sizePx * OVERSAMPLING;
    this.#backgrounds = new Backgrounds(this.#side);
  }

  /** RGB of the picture, row by row, 8 bits. */
  async paint(plan: PicturePlan): Promise<Uint8Array> {
    const { background, layout } = plan;
    const [raster, layers] = await Promise.all([
      this.#raster(plan.drawing),
      this.#backgrounds.layers(background),
    ]);
    const scene = 'scene' in background ? background.scene : undefined;
    const longPx = layout.scale * this.#side;
    const thing = {
      fine: this.#coloured(raster, levelFor(raster, longPx), plan),
      coarse: levelFor(raster, longPx / COARSE),
    };
    return compose(thing, layers, this.#side, {
      layout,
      footing: scene?.footing ?? 'lean',
      light: scene?.light ?? [1, 1, 1],
    });
  }

  /** Rendered twice as fine as it is ever drawn: levels are halved from there. */
  #raster(id: DrawingId): Promise<Raster> {
    let raster = this.#rasters.get(id);
    if (raster === undefined) {
      raster = rasterize(id, this.#side * 2);
      this.#rasters.set(id, raster);
    }
    return raster;
  }

  #coloured(raster: Raster, level: Pixels, { colour, drawing }: PicturePlan): Pixels {
    if (colour === undefined) return level;
    let main = this.#mainColours.get(drawing);
    if (main === undefined) {
      main = mainColour(raster);
      this.#mainColours.set(drawing, main);
    }
    return recolour(level, main, colourOf(colour));
  }
}
