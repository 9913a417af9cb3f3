import { expect, test } from 'vitest';
import { hwioToOihw, oihwToHwio } from './layout.ts';

const SHAPES = [
  [1, 1, 1, 1],
  [3, 5, 3, 3],
  [40, 17, 1, 1],
  [33, 16, 3, 2],
  [4, 0, 3, 3],
] as const;

test.each(SHAPES)('[O %i, I %i, H %i, W %i] there and back', (outs, ins, height, width) => {
  const data = Float32Array.from({ length: outs * ins * height * width }, (_, i) => i);
  const hwio = oihwToHwio(data, [outs, ins, height, width]);
  for (let o = 0; o < outs; o++)
    for (let i = 0; i < ins; i++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const value = hwio[((y * width + x) * ins + i) * outs + o];
          expect(value).toBe(((o * ins + i) * height + y) * width + x);
        }
  expect(hwioToOihw(hwio, [height, width, ins, outs])).toEqual(data);
});

test('halfs keep their bits', () => {
  expect(oihwToHwio(Uint16Array.of(1, 2, 3, 4), [2, 2, 1, 1])).toEqual(Uint16Array.of(1, 3, 2, 4));
});

test('a shape of another size is refused', () => {
  expect(() => oihwToHwio(new Float32Array(8), [2, 2, 1, 1])).toThrow(
    '8 elements cannot have the shape [2, 2, 1, 1]',
  );
});
