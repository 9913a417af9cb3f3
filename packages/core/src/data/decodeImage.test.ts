import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { DataError } from '../errors.ts';
import { decodeImage } from './decodeImage.ts';

const width = 24;
const height = 16;
const rgb = Buffer.from(Array.from({ length: width * height * 3 }, (_, i) => (i * 37) % 256));
const rgba = Buffer.from(Array.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? i % 256 : 100)));
const picture = () => sharp(rgb, { raw: { width, height, channels: 3 } });
const transparent = () => sharp(rgba, { raw: { width, height, channels: 4 } });

describe('formats', () => {
  test.each([
    ['PNG', () => picture().png()],
    ['WebP', () => picture().webp({ lossless: true })],
    ['TIFF', () => picture().tiff({ compression: 'lzw' })],
    ['16-bit PNG', () => picture().toColourspace('rgb16').png()],
  ])('%s comes back exactly', async (_, encoder) => {
    const image = await decodeImage(await encoder().toBuffer());
    expect({ width: image.width, height: image.height }).toEqual({ width, height });
    expect(Buffer.from(image.data).equals(rgb)).toBe(true);
    expect(image.alpha).toBeUndefined();
  });

  test.each([
    ['JPEG', () => picture().jpeg({ quality: 95 })],
    ['AVIF', () => picture().avif()],
    ['GIF', () => picture().gif()],
    ['CMYK JPEG', () => picture().toColourspace('cmyk').jpeg({ quality: 95 })],
    ['gray JPEG', () => picture().grayscale().jpeg()],
  ])('%s is decoded to RGB', async (_, encoder) => {
    const image = await decodeImage(await encoder().toBuffer());
    expect([image.width, image.height, image.data.length]).toEqual([width, height, width * height * 3]);
  });

  test('of an animation the first frame', async () => {
    const frames = Buffer.concat([rgb, Buffer.alloc(rgb.length)]);
    const raw = { width, height: 2 * height, channels: 3, pageHeight: height } as const;
    const animation = await sharp(frames, { raw }).webp({ lossless: true }).toBuffer();
    const image = await decodeImage(animation);
    expect(Buffer.from(image.data).equals(rgb)).toBe(true);
  });
});

test('EXIF orientation is applied, unless switched off', async () => {
  const turned = await picture().withMetadata({ orientation: 6 }).png().toBuffer();
  const upright = await decodeImage(turned);
  expect([upright.width, upright.height]).toEqual([height, width]);
  // orientation 6: turn clockwise, so the first stored row becomes the last column
  expect([...upright.data.slice((height - 1) * 3, height * 3)]).toEqual([...rgb.subarray(0, 3)]);
  expect(Buffer.from((await decodeImage(turned, { orient: false })).data).equals(rgb)).toBe(true);
});

test('alpha is laid over the background or dropped', async () => {
  const file = await transparent().png().toBuffer();
  const flattened = await decodeImage(file, { background: [255, 0, 0] });
  expect([...flattened.data.slice(0, 3)]).toEqual([253, 1, 1]); // opacity 3 of 255
  expect(flattened.alpha?.[0]).toBe(3);
  const dropped = await decodeImage(file, { alpha: 'drop' });
  expect(new Set(dropped.data)).toEqual(new Set([100]));
});

test('a picture of 108 megapixels comes out half as wide and high, upright, and says its size', async () => {
  const canvas = { width: 12_000, height: 9_000, channels: 3, background: '#204060' } as const;
  const photo = await sharp({ create: canvas, limitInputPixels: false })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  const image = await decodeImage(photo);
  expect([image.width, image.height]).toEqual([4_500, 6_000]);
  expect(image.shrunkFrom).toEqual({ width: 9_000, height: 12_000 });
  expect(image.data.length).toBe(4_500 * 6_000 * 3);
  for (const [i, level] of [0x20, 0x40, 0x60].entries())
    expect(Math.abs((image.data[i] ?? 0) - level)).toBeLessThan(3);
});

describe('what is refused', () => {
  const messageOf = async (source: string | Uint8Array, options = {}): Promise<string> => {
    const error: unknown = await decodeImage(source, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    return error instanceof Error ? error.message : '';
  };

  test.each([
    ['JPEG', () => picture().jpeg()],
    ['PNG', () => picture().png()],
    ['WebP', () => picture().webp()],
    ['GIF', () => picture().gif()],
    ['TIFF', () => picture().tiff({ compression: 'none' })],
    ['AVIF', () => picture().avif()],
  ])('%s cut short', async (_, encoder) => {
    const whole = await encoder().toBuffer();
    const part = whole.subarray(0, Math.floor(whole.length * 0.8));
    expect(await messageOf(part)).toMatch(/damaged/);
  });

  test('a file that is no picture, an empty one, a missing one', async () => {
    expect(await messageOf(Buffer.from('hello, this is text'))).toMatch(/not a picture/);
    expect(await messageOf(new Uint8Array())).toMatch(/empty/);
    await expect(decodeImage('/nonexistent/photo.jpg')).rejects.toMatchObject({ code: 'file/missing' });
  });

  test('SVG, which is a program rather than pixels', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    expect(await messageOf(Buffer.from(svg))).toMatch(/type svg/);
  });

  test('more pixels than allowed, before decoding', async () => {
    const bomb = await picture().png().toBuffer();
    bomb.writeUInt32BE(20_000, 16);
    bomb.writeUInt32BE(16_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    const start = performance.now();
    expect(await messageOf(bomb)).toMatch(/at most 300 megapixels\n.*20000 x 16000 = 320 megapixels/);
    expect(performance.now() - start).toBeLessThan(500);
    expect(await messageOf(await picture().png().toBuffer(), { pixelLimit: 100 })).toMatch(/too large/);
  });
});
