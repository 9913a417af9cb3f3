// What a scene is: a name, the words a caption has for it, how things stand in it, and a drawing that varies.
import type { Chance } from '../chance.ts';

/**
 * How a thing is set into the scene.
 * `stand`: on the ground near the lower edge, with a shadow at its feet. `float`: anywhere, without a shadow.
 * `lean`: before an upright surface or on flat colour, with a soft shadow behind. `wade`: its lower part is covered.
 */
export type Footing = 'stand' | 'float' | 'lean' | 'wade';

/** SVG elements in a frame of 100 × 100. */
export interface SceneLayers {
  readonly back: string;
  /** What lies before the thing: waves, snow, blades of grass. */
  readonly front?: string;
}

export interface Scene {
  /** As in the columns of a dataset. */
  readonly name: string;
  /** Words of a caption, the usual ones first. */
  readonly phrases: readonly [string, ...string[]];
  readonly footing: Footing;
  /** Heights (0 top, 100 bottom) between which things stand here. Default: {@link GROUND}. */
  readonly ground?: readonly [number, number];
  /** What falls on things here, as factors of red, green and blue. Default: all 1. */
  readonly light?: readonly [number, number, number];
  readonly draw: (chance: Chance) => SceneLayers;
}

/** Where the feet of things are, unless a scene says otherwise. */
export const GROUND: readonly [number, number] = [84, 93];
