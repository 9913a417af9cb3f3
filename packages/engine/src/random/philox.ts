// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
// Every number is a function of (seed, purpose, step, index, position), so nothing has a state to save: a resumed
// run, another order of work or another machine draws the same noise.
import { createHash } from 'node:crypto';

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const [HIGH_0, LOW_0] = [MULTIPLIER_0 >>> 16, MULTIPLIER_0 & 0xffff] as const;
const [HIGH_1, LOW_1] = [MULTIPLIER_1 >>> 16, MULTIPLIER_1 & 0xffff] as const;
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

/** Blocks made together: a few thousand words stay in the nearest cache. */
const BLOCKS_AT_ONCE = 1024;

function createStream(key: PhiloxKey, step: number, index: number): RandomStream {
  const tail = [index, step >>> 0, Math.floor(step / 2 ** 32)] as const;
  let words = new Uint32Array(0);
  let read = 0;
  let blocksDrawn = 0;

  /** So many words, read from where the call before stopped. */
  function fill(wanted: number): void {
    const blocks = Math.min(BLOCKS_AT_ONCE, Math.ceil(wanted / 4));
    if (words.length !== 4 * blocks) words = new Uint32Array(4 * blocks);
    philoxBlocks(blocksDrawn, tail, key, words);
    blocksDrawn += blocks;
    read = 0;
  }

  /** @param wanted how many more words this call is likely to take, itself included */
  function next(wanted = 1): number {
    if (read === words.length) fill(wanted);
    return words[read++] ?? 0;
  }

  // Words above the largest multiple of `range` are drawn again, or low results would be a little likelier.
  function below(range: number): number {
    const limit = 2 ** 32 - (2 ** 32 % range);
    let word = next();
    while (word >= limit) word = next();
    return word % range;
  }

  return {
    uint32(n) {
      const values = new Uint32Array(n);
      for (let i = 0; i < n; i++) values[i] = next(n - i);
      return values;
    },
    uniform(n) {
      const values = new Float32Array(n);
      for (let i = 0; i < n; i++) values[i] = (next(n - i) >>> 8) * 2 ** -24;
      return values;
    },
    normal(n) {
      const values = new Float32Array(n);
      for (let i = 0; i < n; i += 2) {
        const radius = Math.sqrt(-2 * Math.log((next(n + 1 - i) + 0.5) * 2 ** -32));
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
export function philox4x32([c0, c1, c2, c3]: PhiloxCounter, key: PhiloxKey, out: Uint32Array): void {
  philoxBlocks(c0, [c1, c2, c3], key, out);
}

/**
 * Blocks of consecutive counters, four words each: `out` is filled. A step of pretraining draws half a million numbers,
 * so this is written for the compiler: 32-bit integers only, products by 16-bit halves, no calls.
 * @param first counter's lowest word, the one that counts
 * @param tail its other three
 */
function philoxBlocks(
  first: number,
  [tail1, tail2, tail3]: readonly [number, number, number],
  [key0, key1]: PhiloxKey,
  out: Uint32Array,
): void {
  for (let at = 0; at < out.length; at += 4) {
    let c0 = (first + at / 4) | 0;
    let [c1, c2, c3, k0, k1] = [tail1 | 0, tail2 | 0, tail3 | 0, key0 | 0, key1 | 0];
    for (let round = 0; round < ROUNDS; round++) {
      // Upper words of MULTIPLIER_0 · c0 and MULTIPLIER_1 · c2: each sum below fits into 32 unsigned bits.
      const low0 = c0 & 0xffff;
      const high0 = c0 >>> 16;
      const middle0 = (Math.imul(HIGH_0, low0) >>> 0) + (Math.imul(LOW_0, low0) >>> 16);
      const carry0 = (Math.imul(LOW_0, high0) >>> 0) + (middle0 & 0xffff);
      const upper0 = Math.imul(HIGH_0, high0) + (middle0 >>> 16) + (carry0 >>> 16);
      const low1 = c2 & 0xffff;
      const high1 = c2 >>> 16;
      const middle1 = (Math.imul(HIGH_1, low1) >>> 0) + (Math.imul(LOW_1, low1) >>> 16);
      const carry1 = (Math.imul(LOW_1, high1) >>> 0) + (middle1 & 0xffff);
      const upper1 = Math.imul(HIGH_1, high1) + (middle1 >>> 16) + (carry1 >>> 16);
      const lower0 = Math.imul(MULTIPLIER_0, c0);
      const lower1 = Math.imul(MULTIPLIER_1, c2);
      c0 = upper1 ^ c1 ^ k0;
      c1 = lower1;
      c2 = upper0 ^ c3 ^ k1;
      c3 = lower0;
      k0 = (k0 + WEYL_0) | 0;
      k1 = (k1 + WEYL_1) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
}
