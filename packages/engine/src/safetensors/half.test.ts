import { expect, test } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts';

const ALL_BITS = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

/** IEEE 754's definition of a half, in doubles. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}

test('every half widens to its value', () => {
  const values = float16ToFloat32(ALL_BITS);
  for (let bits = 0; bits < 0x10000; bits++) {
    if (!Object.is(values[bits], halfValue(bits)))
      expect([bits, values[bits]]).toEqual([bits, halfValue(bits)]);
  }
});

test('every half comes back from float32, NaN as a NaN', () => {
  const back = float32ToFloat16(float16ToFloat32(ALL_BITS));
  for (let bits = 0; bits < 0x10000; bits++) {
    const expected = Number.isNaN(halfValue(bits)) ? (bits & 0x8000) | 0x7e00 : bits;
    if (back[bits] !== expected) expect([bits, back[bits]]).toEqual([bits, expected]);
  }
});

test('between two halfs the nearer wins, a tie goes to the even one', () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    const below = halfValue(bits);
    const above = bits + 1 === 0x7c00 ? 65536 : halfValue(bits + 1);
    const middle = (below + above) / 2;
    // float32 neighbours of the middle: 2^-30 of it is less than a float32 step away from a tie, and never beyond
    const step = middle * 2 ** -23;
    const got = [...float32ToFloat16(Float32Array.of(middle - step, middle, middle + step, -middle))];
    const even = bits % 2 === 0 ? bits : bits + 1;
    const expected = [bits, even, bits + 1, even | 0x8000];
    if (got.join() !== expected.join()) expect([bits, ...got]).toEqual([bits, ...expected]);
  }
});

test('values outside the range of halfs', () => {
  const values = Float32Array.of(65519.996, 65520, 3e38, -Infinity, 2 ** -25, 2 ** -25 * 1.000001, 1e-45, -0);
  expect([...float32ToFloat16(values)]).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 1, 0, 0x8000]);
});

test('bfloat16 is the upper half of a float32, rounded to even', () => {
  const back = float32ToBfloat16(bfloat16ToFloat32(ALL_BITS));
  for (let bits = 0; bits < 0x10000; bits++) {
    const isNan = (bits & 0x7fff) > 0x7f80;
    expect(back[bits] === (isNan ? bits | 0x40 : bits)).toBe(true);
  }
  // 1 + 2^-8 lies between 1 and 1 + 2^-7; 1 + 3·2^-8 between 1 + 2^-7 and 1 + 2^-6
  const values = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 3.4e38, NaN);
  expect([...float32ToBfloat16(values)]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7fc0]);
});

test('a part of a larger array converts as itself', () => {
  const whole = Float32Array.of(9, 1, 2, 9);
  expect([...float32ToFloat16(whole.subarray(1, 3))]).toEqual([0x3c00, 0x4000]);
  expect([...float32ToBfloat16(whole.subarray(1, 3))]).toEqual([0x3f80, 0x4000]);
});
