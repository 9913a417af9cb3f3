import { expect, it } from 'vitest';
import { compareFinalArray } from './finalValues.ts';

const bound = { fp32VsFp64: 1e-7, learningRate: 1e-3, steps: 3 };
const want = Float32Array.from({ length: 200 }, (_, i) => Math.sin(i));
const moved = (by: number, elements: number[]): Float32Array =>
  want.map((value, i) => (elements.includes(i) ? value + by : value));

it('lets single elements end elsewhere, and says so', () => {
  expect(compareFinalArray('w', want, want, bound)).not.toHaveProperty('note');
  const two = compareFinalArray('w', moved(1e-4, [3, 90]), want, bound);
  expect(two).toMatchObject({ ok: true, note: 'but for 2 of 200 elements; norms agree' });
  expect(two.maxAbs).toBeCloseTo(1e-4, 6);
});

it('fails when many elements differ, one by more than Adam moves it, or the norm', () => {
  expect(compareFinalArray('w', moved(1e-4, [3, 90, 91]), want, bound).ok).toBe(false);
  expect(compareFinalArray('w', moved(0.01, [3]), want, bound).ok).toBe(false);
  expect(compareFinalArray('w', moved(5.9e-3, [8, 14]), want, bound).ok).toBe(false);
  expect(compareFinalArray('w', moved(NaN, [3]), want, bound).ok).toBe(false);
  expect(compareFinalArray('w', want.subarray(1), want, bound).ok).toBe(false);
});
