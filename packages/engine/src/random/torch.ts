// Torch's CPU generator, number for number: for runs that are compared with the reference stack.
// Sources: ATen/core/MT19937RNGEngine.h, ATen/core/DistributionsHelper.h, ATen/native/cpu/DistributionTemplates.h
import { createMersenneTwister } from './mersenneTwister.ts';

/** Below this many elements torch.randn draws one by one in float64; from here on it fills in blocks of 16. */
const BLOCK = 16;
const HALF_BLOCK = 8;
/** From here on torch builds differ in whether randint draws 32 or 64 bits. */
const RANDINT_RANGE_LIMIT = 2 ** 28;
const TWO_PI_FLOAT32 = Math.fround(2 * Math.PI);
const { fround } = Math;

export interface TorchGenerator {
  /**
   * `torch.randn(n)`, float32. Up to 15 elements exact; from 16 on torch takes log, sin and cos from its vectorised
   * float32 approximations, so single values differ from these by up to about 1e-6.
   */
  randn(n: number): Float32Array;
  /** `torch.randn(n, dtype=torch.float64)`. */
  randnFloat64(n: number): Float64Array;
  /** `torch.rand(n)`, float32 in [0, 1). Exact. */
  rand(n: number): Float32Array;
  /** `torch.rand(n, dtype=torch.float64)`. Exact. */
  randFloat64(n: number): Float64Array;
  /** `torch.randint(low, high, (n,))` for ranges below 2^28. Exact. */
  randint(low: number, high: number, n: number): Int32Array;
  /** `torch.randperm(n)`. Exact. */
  randperm(n: number): Int32Array;
}

/** `torch.Generator('cpu').manual_seed(seed)`. Only the low 32 bits of the seed count, as in torch. */
export function torchGenerator(seed: number | bigint): TorchGenerator {
  const uint32 = createMersenneTwister(Number(BigInt.asUintN(32, BigInt(seed))));
  // The second value of the float64 Box-Muller pair waits in the generator, across all other kinds of draws.
  let waitingNormal: number | undefined;

  const uniformFloat32 = () => (uint32() & 0xffffff) * 2 ** -24;

  function uniformFloat64(): number {
    const high = uint32() & 0x1fffff;
    return (high * 2 ** 32 + uint32()) * 2 ** -53;
  }

  function normalFloat64(): number {
    if (waitingNormal !== undefined) {
      const value = waitingNormal;
      waitingNormal = undefined;
      return value;
    }
    const angle = 2 * Math.PI * uniformFloat64();
    const radius = Math.sqrt(-2 * Math.log1p(-uniformFloat64()));
    waitingNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  return {
    rand: (n) => Float32Array.from({ length: n }, uniformFloat32),
    randFloat64: (n) => Float64Array.from({ length: n }, uniformFloat64),
    randn: (n) =>
      n < BLOCK
        ? Float32Array.from({ length: n }, normalFloat64)
        : fillNormal(new Float32Array(n), uniformFloat32, boxMullerFloat32),
    randnFloat64: (n) =>
      n < BLOCK
        ? Float64Array.from({ length: n }, normalFloat64)
        : fillNormal(new Float64Array(n), uniformFloat64, boxMullerFloat64),
    randint(low, high, n) {
      const range = high - low;
      if (!(range >= 1 && range < RANDINT_RANGE_LIMIT)) {
        throw new RangeError(`randint(${low}, ${high}): the range must hold 1 to 2^28 - 1 integers`);
      }
      return Int32Array.from({ length: n }, () => low + (uint32() % range));
    },
    randperm(n) {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = 0; i < n - 1; i++) {
        const j = i + (uint32() % (n - i));
        const moved = order[i] ?? 0;
        order[i] = order[j] ?? 0;
        order[j] = moved;
      }
      return order;
    },
  };
}

/** Blocks of 16: the first eight uniforms become radii, the last eight angles. A ragged end is drawn again as one. */
function fillNormal<A extends Float32Array | Float64Array>(
  values: A,
  uniform: () => number,
  boxMuller: (block: A) => void,
): A {
  const n = values.length;
  for (let i = 0; i < n; i++) values[i] = uniform();
  for (let start = 0; start + BLOCK <= n; start += BLOCK)
    boxMuller(values.subarray(start, start + BLOCK) as A);
  if (n % BLOCK !== 0) {
    const last = values.subarray(n - BLOCK) as A;
    for (let i = 0; i < BLOCK; i++) last[i] = uniform();
    boxMuller(last);
  }
  return values;
}

/** Rounds to float32 wherever torch holds a float32. */
function boxMullerFloat32(block: Float32Array): void {
  for (let j = 0; j < HALF_BLOCK; j++) {
    const radius = fround(Math.sqrt(fround(-2 * fround(Math.log(fround(1 - (block[j] ?? 0)))))));
    const angle = fround(TWO_PI_FLOAT32 * (block[j + HALF_BLOCK] ?? 0));
    block[j] = radius * fround(Math.cos(angle));
    block[j + HALF_BLOCK] = radius * fround(Math.sin(angle));
  }
}

function boxMullerFloat64(block: Float64Array): void {
  for (let j = 0; j < HALF_BLOCK; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - (block[j] ?? 0)));
    const angle = 2 * Math.PI * (block[j + HALF_BLOCK] ?? 0);
    block[j] = radius * Math.cos(angle);
    block[j + HALF_BLOCK] = radius * Math.sin(angle);
  }
}
