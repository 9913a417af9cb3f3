import { describe, expect, test } from 'vitest';
import { flipHorizontally } from './rgbImage.ts';
import {
  centerCrop,
  centerCropOffset,
  randomCropOffset,
  resizedSize,
  roundHalfToEven,
  textualInversionPixels,
  toPixels,
} from './transform.ts';

test('the longer side is truncated, as torchvision does', () => {
  expect(resizedSize({ width: 90, height: 161 }, 64)).toEqual({ width: 64, height: 114 }); // 114.49
  expect(resizedSize({ width: 101, height: 67 }, 64)).toEqual({ width: 96, height: 64 });
  expect(resizedSize({ width: 40, height: 40 }, 64)).toEqual({ width: 64, height: 64 });
});

describe('crop offsets', () => {
  test('halves go to the even neighbour', () => {
    expect([0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfToEven)).toEqual([0, 2, 2, 2, 3]);
    expect(centerCropOffset(69, 64)).toBe(2); // 2.5
    expect(centerCropOffset(71, 64)).toBe(4); // 3.5
  });

  test('random crops reach both ends and stay inside', () => {
    expect(randomCropOffset(100, 64, 0)).toBe(0);
    expect(randomCropOffset(100, 64, 0.999999)).toBe(36);
    expect(randomCropOffset(64, 64, 0.7)).toBe(0);
  });

  test('a smaller picture is padded with black, the odd pixel behind', () => {
    const image = { width: 1, height: 2, data: Uint8Array.of(9, 9, 9, 8, 8, 8) };
    const { data } = centerCrop(image, 4);
    const red = Array.from({ length: 16 }, (_, i) => data[3 * i]);
    expect(red).toEqual([0, 0, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0]);
  });
});

test('0 to 255 becomes -1 to 1', () => {
  const pixels = toPixels(Uint8Array.of(0, 255, 128));
  expect([...pixels.slice(0, 2)]).toEqual([-1, 1]);
  expect(pixels[2]).toBeCloseTo(1 / 255, 6);
});

test("textual inversion's own centre crop takes the middle square", () => {
  const image = {
    width: 4,
    height: 2,
    data: Uint8Array.from({ length: 24 }, (_, i) => Math.floor(i / 3) * 10),
  };
  const pixels = textualInversionPixels(image, { size: 2, centerCrop: true });
  const reds = [0, 3, 6, 9].map((i) => Math.round(((pixels[i] ?? 0) + 1) * 127.5));
  expect(reds).toEqual([10, 20, 50, 60]);
});

test('flipping twice gives the picture back, alpha included', () => {
  const image = {
    width: 3,
    height: 2,
    data: Uint8Array.from({ length: 18 }, (_, i) => i),
    alpha: Uint8Array.of(1, 2, 3, 4, 5, 6),
  };
  const flipped = flipHorizontally(image);
  expect([...flipped.data.slice(0, 3)]).toEqual([6, 7, 8]);
  expect(flipped.alpha).toEqual(Uint8Array.of(3, 2, 1, 6, 5, 4));
  expect(flipHorizontally(flipped)).toEqual(image);
});
