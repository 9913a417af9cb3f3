// Where a thing stands in the frame, how large and how turned. Numbers are shares of the frame's side.
import type { Chance } from './chance.ts';
import type { Place, Size } from './captions.ts';
import { GROUND, type Scene } from './scenes/scene.ts';

export interface Layout {
  /** Longer side of the drawing. */
  readonly scale: number;
  readonly x: number;
  /** Its middle; or its feet, where `standing`. */
  readonly y: number;
  readonly standing: boolean;
  readonly degrees: number;
  readonly mirrored: boolean;
  /** The light of the whole picture, as factors of red, green and blue. */
  readonly exposure: readonly [number, number, number];
}

const USUAL_SCALE = [0.66, 0.84] as const;
const SCALES: Readonly<Record<Size, readonly [number, number]>> = { small: [0.4, 0.48], large: [0.92, 1] };
const PLACED_SCALE = [0.44, 0.52] as const;
const PLACED_AT = { left: [0.27, 0.5], right: [0.73, 0.5], top: [0.5, 0.27], bottom: [0.5, 0.73] } as const;

/** Draws a layout. `scene` is undefined on flat colour. */
export function layOut(
  chance: Chance,
  scene: Scene | undefined,
  flies: boolean,
  size: Size | undefined,
  place: Place | undefined,
): Layout {
  const grounded = scene !== undefined && (scene.footing === 'wade' || scene.footing === 'stand');
  const standing = grounded && !(flies && chance.happens(0.5));
  const scale = chance.between(
    ...(size !== undefined ? SCALES[size] : place !== undefined ? PLACED_SCALE : USUAL_SCALE),
  );
  const free = Math.max(0, 0.5 - scale / 2);
  const wander = Math.min(place === undefined ? 0.5 * free : 0.03, 0.1);
  const [placedX, placedY] = place === undefined ? [0.5, 0.5] : PLACED_AT[place];
  const [high, low] = scene?.ground ?? GROUND;
  // A large thing needs the whole frame: its feet stand lower.
  const feet = Math.max(chance.between(high, low) / 100, scale - 0.02);
  return {
    scale,
    x: placedX + chance.between(-wander, wander),
    y: standing ? Math.min(0.98, feet) : placedY + chance.between(-wander, wander),
    standing,
    degrees: chance.between(-4, 4),
    mirrored: chance.happens(0.5),
    exposure: [1, 1, 1],
  };
}
