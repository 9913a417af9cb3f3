// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
// Every number is a function of (seed, purpose, step, index, position), so nothing has a state to save: a resumed
// run, another order of work or another machine draws the same noise.
import { createHash } from 'node:crypto';

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

export type PhiloxCounter = readonly [number, number, number, number];
export type PhiloxKey = readonly [number, number];

/** Numbers of one key. Calls continue where the one before stopped; a fresh stream of the same key starts over. */
export interface RandomStream {
  /** Float32 values in [0, 1), 24 random bits each. */
  uniform(n: number): Float32Array;
  /** Standard normal float32 values (Box-Muller, computed in float64). */
  normal(n: number): Float32Array;
  /** Integers in [low, high) without modulo bias; `high - low` at most 2^32. */
  integers(n: number, low: number, high: number): Int32Array;
  /** A uniformly drawn permutation of 0 … n-1. */
  shuffle(n: number): Int32Array;
  uint32(n: number): Uint32Array;
}

export interface Rng {
  /**
   * The stream of one key. `purpose` says what the numbers are for (`'noise'`, `'timesteps'`, …): different
   * purposes never share numbers. `step` is a non-negative safe integer, `index` fits in 32 bits.
   */
  stream(purpose: string, step: number, index: number): RandomStream;
}

/** Random numbers keyed by (seed, purpose, step, index). The seed counts modulo 2^64. */
export function createRng(seed: number | bigint): Rng {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
    throw new RangeError(`seed ${seed} is not an integer below 2^53; pass a bigint for longer ones`);
  }
  const bits = BigInt.asUintN(64, BigInt(seed));
  const seedKey: PhiloxKey = [Number(bits & 0xffffffffn), Number(bits >> 32n)];
  const keys = new Map<string, PhiloxKey>();

  return {
    stream(purpose, step, index) {
      if (!Number.isSafeInteger(step) || step < 0)
        throw new RangeError(`step ${step} is not a non-negative integer`);
      if (index !== index >>> 0) throw new RangeError(`index ${index} is not an unsigned 32-bit integer`);
      let key = keys.get(purpose);
      if (key === undefined) {
        key = purposeKey(seedKey, purpose);
        keys.set(purpose, key);
      }
      return createStream(key, step, index);
    },
  };
}

/** Key of a purpose: the block cipher under the seed, applied to a 128-bit digest of the purpose's name. */
function purposeKey(seedKey: PhiloxKey, purpose: string): PhiloxKey {
  const digest = createHash('sha256').update(purpose, 'utf8').digest();
  const words: PhiloxCounter = [
    digest.readUInt32LE(0),
    digest.readUInt32LE(4),
    digest.readUInt32LE(8),
    digest.readUInt32LE(12),
  ];
  const block = new Uint32Array(4);
  philox4x32(words, seedKey, block);
  return [block[0] ?? 0, block[1] ?? 0];
}

function createStream(key: PhiloxKey, step: number, index: number): RandomStream {
  const stepLow = step >>> 0;
  const stepHigh = Math.floor(step / 2 ** 32);
  const block = new Uint32Array(4);
  let blocksDrawn = 0;
  let unread = 0;

  function next(): number {
    if (unread === 0) {
      philox4x32([blocksDrawn, index, stepLow, stepHigh], key, block);
      blocksDrawn += 1;
      unread = 4;
    }
    const word = block[4 - unread] ?? 0;
    unread -= 1;
    return word;
  }

  // Words above the largest multiple of `range` are drawn again, or low results would be a little likelier.
  function below(range: number): number {
    const limit = 2 ** 32 - (2 ** 32 % range);
    let word = next();
    while (word >= limit) word = next();
    return word % range;
  }

  return {
    uint32: (n) => Uint32Array.from({ length: n }, next),
    uniform: (n) => Float32Array.from({ length: n }, () => (next() >>> 8) * 2 ** -24),
    normal(n) {
      const values = new Float32Array(n);
      for (let i = 0; i < n; i += 2) {
        const radius = Math.sqrt(-2 * Math.log((next() + 0.5) * 2 ** -32));
        const angle = 2 * Math.PI * next() * 2 ** -32;
        values[i] = radius * Math.cos(angle);
        if (i + 1 < n) values[i + 1] = radius * Math.sin(angle);
      }
      return values;
    },
    integers(n, low, high) {
      const range = high - low;
      if (low !== (low | 0) || high - 1 !== ((high - 1) | 0) || range < 1) {
        throw new RangeError(`integers in [${low}, ${high}): the range is empty or leaves 32 bits`);
      }
      return Int32Array.from({ length: n }, () => low + below(range));
    },
    shuffle(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = below(i + 1);
        const moved = order[i] ?? 0;
        order[i] = order[j] ?? 0;
        order[j] = moved;
      }
      return order;
    },
  };
}

/** The block function: 128 counter bits and 64 key bits to 128 random bits, written to `out`. */
export function philox4x32(counter: PhiloxCounter, key: PhiloxKey, out: Uint32Array): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Upper 32 bits of a 32 by 32 bit product, by 16-bit halves: doubles hold no 64-bit product exactly. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const lowHigh = aLow * bHigh;
  const highLow = aHigh * bLow + Math.floor((aLow * bLow) / 0x10000);
  const middle = (highLow & 0xffff) + (lowHigh & 0xffff);
  return aHigh * bHigh + Math.floor(highLow / 0x10000) + Math.floor(lowHigh / 0x10000) + (middle >>> 16);
}
