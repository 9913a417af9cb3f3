import { expect, test } from 'vitest';
import { dataOrder } from './dataOrder.ts';

/** Rotates by the epoch: any deterministic permutation will do. */
const rotate = (numItems: number) => (epoch: number) =>
  Int32Array.from({ length: numItems }, (_, i) => (i + epoch) % numItems);

test('every item is drawn once an epoch, across batch borders', () => {
  const drawn = Array.from({ length: 10 }, (_, step) => dataOrder(5, 2, step, rotate(5))).flat();
  for (let epoch = 0; epoch < 4; epoch++) {
    expect(drawn.slice(epoch * 5, epoch * 5 + 5).sort()).toEqual([0, 1, 2, 3, 4]);
  }
  expect(drawn.slice(4, 6)).toEqual([4, 1]); // the third batch: the end of epoch 0, the start of epoch 1
});

test('a step depends on nothing before it', () => {
  expect(dataOrder(7, 3, 1_000_000, rotate(7))).toEqual(dataOrder(7, 3, 1_000_000, rotate(7)));
});

test('a batch larger than the dataset takes several epochs', () => {
  expect(dataOrder(2, 5, 0, rotate(2))).toEqual([0, 1, 1, 0, 0]);
});

test('a shuffle that is too short is refused', () => {
  expect(() => dataOrder(3, 3, 0, () => new Int32Array(2))).toThrow(/permutation of 3/);
});
