import { expect, test } from 'vitest';
import { resizeImage, resizeSamples } from './resize.ts';

test('a constant picture stays constant under every kernel', () => {
  const image = { width: 37, height: 23, data: new Uint8Array(37 * 23 * 3).fill(201) };
  for (const resample of ['box', 'bilinear', 'bicubic', 'lanczos'] as const) {
    for (const [width, height] of [
      [5, 9],
      [80, 60],
      [37, 60],
      [1, 1],
    ] as const) {
      expect(new Set(resizeImage(image, width, height, resample).data)).toEqual(new Set([201]));
    }
  }
});

test('values worked out by hand', () => {
  const row = (values: number[], width: number, resample: 'box' | 'bilinear' | 'bicubic') => [
    ...resizeSamples(
      Uint8Array.from(values),
      { width: values.length, height: 1, channels: 1 },
      { width, height: 1 },
      resample,
    ),
  ];
  expect(row([0, 100, 200, 250], 2, 'box')).toEqual([50, 225]);
  // enlarging: centres at -0.25, 0.25, 0.75, 1.25; the edge sample is repeated by renormalising
  expect(row([0, 100], 4, 'bilinear')).toEqual([0, 25, 75, 100]);
  // halving widens the triangle: weights 3/8, 3/8, 1/8 over (0, 100, 200), renormalised over 7/8
  expect(row([0, 100, 200, 250], 2, 'bilinear')).toEqual([71, 207]);
  // a hard edge overshoots with negative lobes and is clipped
  expect(row([0, 0, 255, 255], 8, 'bicubic')).toEqual([0, 0, 0, 52, 203, 255, 255, 255]);
});

test('the same size is a copy', () => {
  const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const same = resizeImage(image, 2, 1, 'lanczos');
  expect(same.data).toEqual(image.data);
  expect(same.data).not.toBe(image.data);
});

test('a 12-megapixel photo takes well under a second', () => {
  const photo = { width: 4000, height: 3000, data: new Uint8Array(36_000_000) };
  const start = performance.now();
  resizeImage(photo, 682, 512, 'lanczos');
  expect(performance.now() - start).toBeLessThan(2000); // 0.3 s alone on two cores; room for a busy machine
});
