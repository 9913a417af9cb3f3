// Random choices for one thing to be drawn: a stream of the counter-based generator behind words that read like
// the picture ("between", "pick"). Nothing else in this folder draws random numbers.
import { createRng, type RandomStream } from '@likeness/engine';

/** Choices from one stream: the same key gives the same choices on every machine. */
export interface Chance {
  /** Uniform in [0, 1). */
  unit(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** A whole number from low to high, both included. */
  whole(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  /** True with probability `p`. */
  happens(p: number): boolean;
}

/**
 * Choices that depend on (seed, purpose, number) alone.
 * @param number what is drawn: a picture's place in its split, a variant of a scene
 */
export function chanceOf(seed: number, purpose: string, number: number): Chance {
  return chanceFrom(createRng(seed).stream(`doodle/${purpose}`, number, 0));
}

/** A permutation of 0 … n-1 that depends on (seed, purpose, block) alone. */
export function shuffled(seed: number, purpose: string, block: number, n: number): Int32Array {
  return createRng(seed).stream(`doodle/${purpose}`, block, 0).shuffle(n);
}

function chanceFrom(stream: RandomStream): Chance {
  const unit = (): number => stream.uniform(1)[0] ?? 0;
  return {
    unit,
    between: (low, high) => low + (high - low) * unit(),
    whole: (low, high) => stream.integers(1, low, high + 1)[0] ?? low,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[stream.integers(1, 0, items.length)[0] ?? 0] as T;
    },
    happens: (p) => unit() < p,
  };
}
