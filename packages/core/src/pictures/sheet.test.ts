import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../data/decodeImage.ts';
import type { RgbImage } from '../data/rgbImage.ts';
import { textPath, textWidthPx, wrapText } from './lettering.ts';
import { readPngText } from './png.ts';
import { renderSheet, writeSheet } from './sheet.ts';

const solid = (width: number, height: number, value: number): RgbImage => {
  return { width, height, data: new Uint8Array(width * height * 3).fill(value) };
};
const red = (image: RgbImage, x: number, y: number) => image.data[(y * image.width + x) * 3];
const darkest = (image: RgbImage) => image.data.reduce((least, value) => Math.min(least, value), 255);

describe('renderSheet', () => {
  test('without labels the grid fills the sheet; small pictures keep hard pixels', async () => {
    const checks = {
      width: 2,
      height: 2,
      data: Uint8Array.of(0, 0, 0, 200, 200, 200, 200, 200, 200, 0, 0, 0),
    };
    const sheet = await renderSheet([{ label: '', pictures: [checks, null] }], { cellPx: 64 });
    expect([sheet.width, sheet.height]).toEqual([24 + 64 + 8 + 64 + 24, 24 + 64 + 24]);
    expect([
      red(sheet, 24 + 31, 24 + 31),
      red(sheet, 24 + 32, 24 + 31),
      red(sheet, 24 + 32, 24 + 32),
    ]).toEqual([0, 200, 0]);
    expect(red(sheet, 0, 0)).toBe(0xf5);
    expect(red(sheet, 24 + 64 + 8 + 5, 60)).toBe(0xe9); // the empty frame
  });

  test('large pictures are shrunk with their aspect ratio, in the middle of the cell', async () => {
    const sheet = await renderSheet([{ label: '', pictures: [solid(400, 200, 10)] }], { cellPx: 100 });
    expect([red(sheet, 74, 24 + 10), red(sheet, 74, 24 + 30), red(sheet, 74, 24 + 90)]).toEqual([
      0xf5, 10, 0xf5,
    ]);
  });

  test('labels, title and columns are drawn as dark ink, also where no font is installed', async () => {
    const rows = [{ label: 'a photo of sks dog', pictures: [solid(64, 64, 255)] }];
    const plain = await renderSheet([{ label: '', pictures: [solid(64, 64, 255)] }]);
    const lettered = await renderSheet(rows, { title: 'Title', columns: ['seed 1'] });
    expect(lettered.width).toBeGreaterThan(plain.width);
    expect(darkest(plain)).toBeGreaterThan(0xe0);
    expect(darkest(lettered)).toBeLessThan(0x30);
  });

  test('no rows are an empty sheet, not an error', async () => {
    expect((await renderSheet([])).height).toBeGreaterThan(0);
  });
});

test('writeSheet writes a PNG with its text, the same bytes every time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sheet-'));
  const path = join(folder, 'sheet.png');
  const rows = [{ label: 'x', pictures: [solid(8, 8, 0)] }];
  await writeSheet(path, rows, { cellPx: 32, text: { likeness: '{"step":3}' } });
  expect(await readPngText(path)).toEqual({ likeness: '{"step":3}' });
  expect(Buffer.from((await decodeImage(path)).data)).toEqual(
    Buffer.from((await renderSheet(rows, { cellPx: 32 })).data),
  );
  await rm(folder, { recursive: true });
});

describe('lettering', () => {
  const style = { sizePx: 15, weight: 400 } as const;

  test('lines break at spaces, long words anywhere, and end in an ellipsis when there is no room', () => {
    const text = 'one two three incomprehensibilities four five';
    const lines = wrapText(text, 70, style);
    expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    for (const line of lines) expect(textWidthPx(line, style)).toBeLessThanOrEqual(70);
    const short = wrapText(text, 70, style, 2);
    expect(short).toHaveLength(2);
    expect(short[1]).toMatch(/…$/);
    expect(wrapText('', 70, style)).toEqual(['']);
  });

  test('Latin with accents, Greek and Cyrillic have outlines; other scripts a box, never an error', () => {
    for (const text of ['ÄÖÜß éñ', 'łąęř', 'собака', 'σκύλος', '犬🐶']) {
      expect(textPath(text, 0, 0, style).length).toBeGreaterThan(20);
    }
    expect(textWidthPx('il', style)).toBeLessThan(textWidthPx('mw', style));
  });
});
