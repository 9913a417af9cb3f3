import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataError, type Warning } from '../errors.ts';
import { loadDataset } from './dataset.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dataset-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A picture with a horizontal ramp from `from`, so that crops and flips show. */
async function addPicture(name: string, width = 96, height = 64, from = 0): Promise<void> {
  const data = Buffer.from(
    Array.from({ length: width * height * 3 }, (_, i) => (from + (Math.floor(i / 3) % width) * 2) % 256),
  );
  await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(folder, name));
}

const load = (options: Partial<Parameters<typeof loadDataset>[0]> = {}) =>
  loadDataset({ source: folder, resolution: 64, ...options });

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined || items.length > 1)
    throw new Error(`expected one item, got ${String(items.length)}`);
  return item;
}

const told = (warnings: readonly Warning[]): string => warnings.map(({ text }) => text).join('\n');

describe('files', () => {
  test('sorted by code point, with captions; other files are noted', async () => {
    for (const [i, name] of ['b.png', 'a.PNG', 'Ä.png', 'B.png', '10.png', '9.png'].entries())
      await addPicture(name, 96, 64, i);
    await writeFile(join(folder, 'b.txt'), ' a dog on a chair\n');
    await writeFile(join(folder, 'notes.md'), 'x');
    await writeFile(join(folder, '.DS_Store'), 'x');
    const { items, warnings } = await load();
    expect(items.map(({ path }) => path.slice(folder.length + 1))).toEqual([
      '10.png',
      '9.png',
      'B.png',
      'a.PNG',
      'b.png',
      'Ä.png',
    ]);
    expect(items.map(({ caption }) => caption)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'a dog on a chair',
      undefined,
    ]);
    expect(warnings).toEqual([
      { code: 'data/not-a-picture', text: 'not pictures by their names, ignored: notes.md' },
    ]);
  });

  test('a list finds the same masks and captions, in any order given', async () => {
    await addPicture('one.jpg');
    await addPicture('two.jpg', 96, 64, 9);
    await addPicture('two.mask.png');
    await writeFile(join(folder, 'one.txt'), 'one');
    const fromFolder = await load();
    const fromList = await load({ source: [join(folder, 'two.jpg'), join(folder, '.', 'one.jpg')] });
    const facts = (dataset: typeof fromFolder) =>
      dataset.items.map(({ path, hash, caption, hasMask }) => ({ path, hash, caption, hasMask }));
    expect(facts(fromList)).toEqual(facts(fromFolder));
    expect(fromFolder.items.map(({ hasMask }) => hasMask)).toEqual([false, true]);
  });
});

describe('pixels', () => {
  test('the middle by default; the variant moves and mirrors where that is switched on', async () => {
    await addPicture('ramp.png'); // 96 x 64, red = 2 x: nothing is resampled
    const red = (pixels: Float32Array, i: number) => Math.round(((pixels[3 * i] ?? 0) + 1) * 127.5);
    const variant = { cropX01: 0, cropY01: 0.5, flip: true };
    const fixed = only((await load()).items);
    expect(red(fixed.pixels().pixels, 0)).toBe(32); // x = 16
    expect(fixed.pixels(variant)).toEqual(fixed.pixels());
    const moving = only((await load({ crop: 'random', randomFlip: true })).items);
    expect(red(moving.pixels({ ...variant, flip: false }).pixels, 0)).toBe(0);
    expect(red(moving.pixels(variant).pixels, 0)).toBe(190); // x = 95
    expect(red(moving.pixels({ ...variant, cropX01: 0.9999 }).pixels, 63)).toBe(0);
  });

  test('a mask goes through the same resizing and cropping', async () => {
    await addPicture('photo.png', 192, 128);
    const mask = Buffer.alloc(192 * 128, 0);
    for (let y = 0; y < 128; y++) mask.fill(255, y * 192, y * 192 + 96); // the left half counts
    await sharp(mask, { raw: { width: 192, height: 128, channels: 1 } }).toFile(
      join(folder, 'photo.mask.png'),
    );
    const { items, warnings } = await load({ randomFlip: true });
    expect(warnings).toEqual([]);
    const row = only(items).pixels().mask ?? [];
    expect([row[0], row[30], row[34], row[63]]).toEqual([1, 1, 0, 0]);
    const mirrored = only(items).pixels({ cropX01: 0, cropY01: 0, flip: true }).mask ?? [];
    expect([mirrored[0], mirrored[63]]).toEqual([0, 1]);
  });

  test('the hash follows pixels and mask, not the file', async () => {
    await addPicture('x.png');
    const { items: before } = await load();
    await sharp(join(folder, 'x.png')).webp({ lossless: true }).toFile(join(folder, 'y.webp'));
    await rm(join(folder, 'x.png'));
    const { items: same } = await load();
    expect(only(same).hash).toBe(only(before).hash);
    await addPicture('y.mask.png');
    expect(only((await load()).items).hash).not.toBe(only(before).hash);
  });
});

describe('problems', () => {
  test('everything wrong is reported at once', async () => {
    await addPicture('good.png');
    await sharp(join(folder, 'good.png')).tiff({ compression: 'lzw' }).toFile(join(folder, 'twin.tiff'));
    await addPicture('tiny.png', 20, 80);
    await addPicture('masked.png', 100, 100, 7);
    await addPicture('masked.mask.png', 50, 50);
    await addPicture('huge.png', 500, 400);
    await writeFile(join(folder, 'corrupt.jpg'), 'not a picture');
    const error: unknown = await load({ minPictures: 5, pixelLimit: 100_000 }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as DataError;
    expect(message).toContain(`${folder}: 6 problems with the pictures`);
    for (const line of [
      /corrupt\.jpg: not a picture/,
      /huge\.png: 500 x 400 = 0\.2 megapixels, expected at most 0\.1 megapixels/,
      /masked\.mask\.png: expected 100 x 100 as masked\.png, got 50 x 50/,
      /tiny\.png: 20 x 80 is too small, expected at least 32/,
      /twin\.tiff: the same pixels as good\.png/,
      /too few: expected at least 5 usable pictures, got 1/,
    ]) {
      expect(message).toMatch(line);
    }
  });

  test('an empty folder, a missing one, a file', async () => {
    await expect(load()).rejects.toThrow(/at least 1 usable pictures, got 0/);
    await expect(load({ source: join(folder, 'none') })).rejects.toThrow(
      /none: there is nothing at this path/,
    );
    await addPicture('a.png');
    await expect(load({ source: join(folder, 'a.png') })).rejects.toThrow(/not a folder/);
    await expect(load({ source: [join(folder, 'b.png')] })).rejects.toThrow(/b\.png: .*ENOENT/);
  });

  test('garbage inside a picture that still decodes is a warning', async () => {
    await addPicture('photo.jpg', 200, 200);
    const bytes = await readFile(join(folder, 'photo.jpg'));
    const middle = Math.floor(bytes.length * 0.7);
    bytes.fill(0xff, middle, middle + 40);
    await writeFile(join(folder, 'photo.jpg'), bytes);
    const { warnings } = await load();
    expect(warnings).toEqual([
      {
        code: 'data/damaged-picture',
        text: expect.stringMatching(/photo\.jpg: readable, but look at it: .*JPEG/) as string,
      },
    ]);
  });

  test('what is only unwise is a warning', async () => {
    await addPicture('small.png', 40, 50);
    await addPicture('long.png', 300, 64, 5);
    await addPicture('gone.mask.png');
    await writeFile(join(folder, 'photo.heic'), 'x');
    const { warnings, items } = await load();
    expect(items).toHaveLength(2);
    expect(told(warnings)).toMatch(/gone\.mask\.png: a mask without a picture/);
    expect(told(warnings)).toMatch(/photo\.heic \(save HEIC photos as JPEG/);
    expect(told(warnings)).toMatch(/small\.png: 40 x 50 is enlarged/);
    expect(told(warnings)).toMatch(/long\.png: 300 x 64 is long/);
  });
});
