import { expect, test } from 'vitest';
import { imageToPixels, pixelsToImage } from './float.ts';

test('every level survives the way to pixels and back', () => {
  const image = { width: 16, height: 16, data: Uint8Array.from({ length: 768 }, (_, i) => i % 256) };
  expect(pixelsToImage(imageToPixels(image), 16, 16)).toEqual(image);
});

test('clamps, and rounds halves to even as numpy does', () => {
  const level = (value: number): number => (value / 255) * 2 - 1;
  const pixels = Float32Array.of(-3, 3, NaN, level(0.4), level(254.6), 0); // 0 is level 127.5
  expect([...pixelsToImage(pixels, 2, 1).data]).toEqual([0, 255, 0, 0, 255, 128]);
});

test('a wrong size is refused', () => {
  expect(() => pixelsToImage(new Float32Array(5), 2, 1)).toThrow(/expected 1 x 2 x 3 values, got 5/);
});
