// What the encoders' objectives are made of: views of pictures, batches of individuals, and how separation is measured.
import { createRng, tf, type Tensor } from '@likeness/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { individuals, relations } from './individuals.ts';
import { equalRows } from './matching.ts';
import { areaUnderCurve, separation } from './separation.ts';
import { applyViews, drawColours, drawViews, otherColours, packPixels, unpackPixels } from './views.ts';

const backend = tf.getBackend();
beforeAll(async () => {
  await tf.setBackend('cpu');
});
afterAll(async () => {
  await tf.setBackend(backend);
});

const SIDE = 6;
const BYTES = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 37 + 11) % 256);
const packed = (): Tensor => tf.tensor3d(packPixels(BYTES), [1, SIDE, SIDE], 'int32');
const AS_IT_IS = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];

/** The picture under a view, in bytes. */
function seen(view: readonly number[], colours: readonly number[] = AS_IT_IS): number[] {
  const [views, matrix] = [tf.tensor2d([...view], [1, 5]), tf.tensor2d([...colours], [1, 12])];
  return [...applyViews(unpackPixels(packed()), views, matrix).dataSync()].map((x) => Math.round(x * 255));
}
const pixel = (of: ArrayLike<number>, y: number, x: number): number[] =>
  [0, 1, 2].map((c) => of[(y * SIDE + x) * 3 + c]!);

describe('views', () => {
  it('leave a picture as it is, mirror it, move it by whole pixels with the border’s colour behind', () => {
    expect(seen([1, 1, 0, 0, 1])).toEqual([...BYTES]);
    const mirrored = seen([1, -1, 0, 0, 1]);
    expect(pixel(mirrored, 2, 1)).toEqual(pixel(BYTES, 2, SIDE - 2));
    const moved = seen([1, 1, 2, 0, 1]);
    expect(pixel(moved, 1, 3)).toEqual(pixel(BYTES, 3, 3));
    expect(pixel(moved, SIDE - 1, 3)).toEqual(pixel(BYTES, SIDE - 1, 3));
  });

  it('are drawn within their ranges, equal for equal draws', () => {
    const ranges = { flip: 0.5, zoom: 1.3, shift: 0.1, blurPx: 1, light: 0.1, hueDegrees: 5 };
    const draw = (): Float32Array => drawViews(createRng(1).stream('views', 3, 0), 64, 64, ranges);
    expect(draw()).toEqual(draw());
    const rows = Array.from({ length: 64 }, (_, i) => [...draw().subarray(i * 5, i * 5 + 5)]);
    expect(rows.filter(([, across]) => across! < 0).length).toBeGreaterThan(16);
    for (const [down = 0, across = 0, y = 0, x = 0] of rows) {
      expect(Math.abs(Math.log(Math.abs(down * across)) / 2)).toBeLessThanOrEqual(Math.log(1.3) + 1e-6);
      expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThanOrEqual(6.4 + 1e-5);
    }
  });

  it('recolour what has a colour, and leave grey grey', () => {
    const { matrix: turned, contrast } = otherColours([0.3, 0.9, 0.9, 0.9]);
    expect(contrast).toBe(1);
    expect(otherColours([0.3, 0.1, 0.1, 1]).contrast).toBe(-3);
    const apply = (rgb: readonly number[]): number[] =>
      [0, 1, 2].map((row) => rgb.reduce((sum, value, k) => sum + turned[row * 3 + k]! * value, 0));
    for (const value of apply([0.4, 0.4, 0.4])) expect(value).toBeCloseTo(0.4, 6);
    expect(Math.max(...apply([1, 0, 0]).map((value, i) => Math.abs(value - [1, 0, 0][i]!)))).toBeGreaterThan(
      0.3,
    );
    const plain = drawColours(createRng(0).stream('x', 0, 0), 1, {
      ...{ flip: 0, zoom: 1, shift: 0, blurPx: 0 },
      ...{ light: 0, hueDegrees: 0 },
    });
    [...plain].forEach((value, i) => {
      expect(value).toBeCloseTo(AS_IT_IS[i]!, 6);
    });
  });
});

describe('individuals', () => {
  const pictures = Array.from({ length: 240 }, (_, i) => ({
    path: '',
    caption: '',
    columns: {
      noun: `noun${i % 4}`,
      drawing: `drawing${i % 20}`,
      ...(i % 3 === 0 ? { colour: 'red' } : {}),
    },
  }));
  const settings = {
    batchSize: 32,
    identity: ['drawing', 'colour'],
    kind: 'noun',
    picturesOfEach: 4,
    individualsOfKind: 4,
    recolourShare: 0.5,
  };
  const numbers = pictures.map((_, i) => i);
  const draw = individuals(pictures, numbers, settings, createRng(5));

  it('come in kinds, several of each, as a function of seed and step', () => {
    const rows = draw(7);
    const again = individuals(pictures, numbers, settings, createRng(5));
    again(3);
    expect(again(7)).toEqual(rows);
    expect(draw(8)).not.toEqual(rows);
    expect(rows).toHaveLength(32);
    const nouns = rows.map(({ number }) => pictures[number]!.columns.noun);
    expect(new Set(nouns).size).toBe(2);
    expect(new Set(rows.map(({ individual }) => individual)).size).toBe(8);
  });

  it('attract their own pictures, repel others, and are left apart from themselves in other colours', () => {
    const rows = draw(0);
    const { same, apart } = relations(rows);
    rows.forEach((one, row) => {
      const at = (of: Float32Array): number[] => [...of.subarray(row * 32, row * 32 + 32)];
      expect(at(same).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      rows.forEach((other, column) => {
        const isSame = other.individual === one.individual && row !== column;
        expect(at(same)[column]! > 0).toBe(isSame);
        expect(at(apart)[column]! < 0).toBe(row === column || (other.likeness === one.likeness && !isSame));
      });
    });
  });

  it('are refused where nothing says who is who', () => {
    const nameless = [{ path: '', caption: '', columns: { noun: 'dog' } }];
    expect(() => individuals(nameless, [0], settings, createRng(0))).toThrow(
      /which pictures show the same individual[^]*drawing, colour/,
    );
  });
});

it('captions that are equal have each other’s pictures', () => {
  expect([...equalRows(['a', 'b', 'a'])]).toEqual([0.5, 0, 0.5, 0, 1, 0, 0.5, 0, 0.5]);
});

it('separation: the nearest other one, and pairs of one against pairs of a kind', () => {
  expect(areaUnderCurve([2, 3], [1, 2])).toBe(0.875);
  const features = Float32Array.from([1, 0, 2, 0.1, 0, 1, 0.1, 3, 1, 1]);
  const individual = ['a', 'a', 'b', 'b', 'c'];
  const told = separation({ features, width: 2, individuals: individual, kinds: ['k', 'k', 'k', 'k', 'l'] });
  expect(told).toEqual({ retrieved: 1, auc: 1 });
  // The nearest of its own is left out for the first: it finds the one between.
  const blind = separation({
    ...{ features, width: 2, individuals: individual, kinds: individual },
    leaveOut: (row, column) => row + column === 1,
  });
  expect(blind.retrieved).toBe(1);
  expect(blind.auc).toBeUndefined();
});
