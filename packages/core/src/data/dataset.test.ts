import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
      {
        code: 'data/not-a-picture',
        text: 'left out, not pictures that can be read by their names: notes.md',
      },
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

describe('captions', () => {
  const write = (name: string, content: string | Buffer) => writeFile(join(folder, name), content);
  const captionsOf = async (options = {}) => {
    const { items, warnings } = await load(options);
    return {
      captions: Object.fromEntries(
        items.map(({ path, caption }) => [path.slice(folder.length + 1).normalize('NFC'), caption]),
      ),
      warnings,
    };
  };

  test('of photo.jpg: photo.txt, photo.jpg.txt, or the one that differs in capitals or in how accents are written', async () => {
    for (const [i, name] of ['a.png', 'b.png', 'img_1.jpg', '\u00dcn\u00ef.png', 'c.png'].entries())
      await addPicture(name, 96, 64, i);
    await write('a.png.txt', 'after the whole name');
    await write('b.txt', 'b');
    await write('b.png.txt', 'not this one');
    await write('IMG_1.txt', 'capitals');
    await write('U\u0308ni\u0308.txt', 'accents');
    await write('c_caption.txt', 'of nothing');
    const { captions, warnings } = await captionsOf();
    expect(captions).toEqual({
      'a.png': 'after the whole name',
      'b.png': 'b',
      'img_1.jpg': 'capitals',
      'Ünï.png': 'accents',
      'c.png': undefined,
    });
    expect(warnings).toEqual([
      {
        code: 'data/caption-without-picture',
        text: expect.stringMatching(/not used: b\.png\.txt, c_caption\.txt; the caption of photo/) as string,
      },
    ]);
  });

  test('that two pictures could mean are not guessed', async () => {
    await addPicture('img_1.jpg');
    await addPicture('Img_1.png', 96, 64, 9);
    await write('IMG_1.txt', 'whose?');
    const { captions, warnings } = await captionsOf();
    expect(captions).toEqual({ 'img_1.jpg': undefined, 'Img_1.png': undefined });
    expect(warnings.map(({ code }) => code)).toEqual(['data/caption-without-picture']);
  });

  test('in UTF-16 are read; in unknown encodings refused, all of them, unless captions are off', async () => {
    await addPicture('a.png');
    await addPicture('b.png', 96, 64, 1);
    await addPicture('c.png', 96, 64, 2);
    await write('a.txt', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from('a photo', 'utf16le')]));
    await write('b.txt', Buffer.from('ok\ncaf\u00e9', 'latin1'));
    await write('c.txt', Buffer.from('robot', 'utf16le'));
    const error: unknown = await load().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'data/unknown-encoding',
      details: [
        expect.stringMatching(/^b\.txt, line 2: byte 0xE9 .*iconv -f WINDOWS-1252 -t UTF-8 '.*b\.txt'/),
        expect.stringMatching(/^c\.txt: NUL .*iconv -f UTF-16LE/),
      ],
    });
    expect((await captionsOf({ captions: false })).captions['a.png']).toBeUndefined();
    await rm(join(folder, 'b.txt'));
    await rm(join(folder, 'c.txt'));
    expect((await captionsOf()).captions['a.png']).toBe('a photo');
  });
});

describe('pixels', () => {
  test('the middle by default; the variant moves and mirrors where that is switched on', async () => {
    await addPicture('ramp.png'); // 96 x 64, red = 2 x: nothing is resampled
    const red = (pixels: Float32Array, i: number) => Math.round(((pixels[3 * i] ?? 0) + 1) * 127.5);
    const variant = { cropX01: 0, cropY01: 0.5, flip: true };
    const fixed = only((await load()).items);
    expect(red((await fixed.pixels()).pixels, 0)).toBe(32); // x = 16
    expect(await fixed.pixels(variant)).toEqual(await fixed.pixels());
    const moving = only((await load({ crop: 'random', randomFlip: true })).items);
    expect(red((await moving.pixels({ ...variant, flip: false })).pixels, 0)).toBe(0);
    expect(red((await moving.pixels(variant)).pixels, 0)).toBe(190); // x = 95
    expect(red((await moving.pixels({ ...variant, cropX01: 0.9999 })).pixels, 63)).toBe(0);
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
    const row = (await only(items).pixels()).mask ?? [];
    expect([row[0], row[30], row[34], row[63]]).toEqual([1, 1, 0, 0]);
    const mirrored = (await only(items).pixels({ cropX01: 0, cropY01: 0, flip: true })).mask ?? [];
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

  test('no pictures: what is there instead, and where pictures are', async () => {
    const problem = async () => {
      const error: unknown = await load().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'data/no-pictures' });
      return (error as DataError).message;
    };
    await writeFile(join(folder, 'photo.bmp'), 'x');
    expect(await problem()).toMatch(
      /kinds that are not read: photo\.bmp(.*\n)*.*magick "photo\.bmp" "photo\.png"/,
    );
    await mkdir(join(folder, '10_sks robot'));
    await addPicture('10_sks robot/a.jpg');
    expect(await problem()).toMatch(/name the folder the pictures are in: .*10_sks robot/);
  });

  test('names hold no line breaks in messages', async () => {
    await writeFile(join(folder, 'a\n\u001b[2Jb.png'), 'not a picture');
    const error: unknown = await load().catch((reason: unknown) => reason);
    expect((error as DataError).details[0]).toMatch(/^a\\u000a\\u001b\[2Jb\.png: /);
  });

  test('JPEGs called .jfif and .jpe are read; a .bmp beside them is named', async () => {
    await addPicture('a.jpg');
    await addPicture('b.jpg', 96, 64, 7);
    await rename(join(folder, 'a.jpg'), join(folder, 'a.jfif'));
    await rename(join(folder, 'b.jpg'), join(folder, 'b.JPE'));
    await writeFile(join(folder, 'c.bmp'), 'x');
    const { items, warnings } = await load();
    expect(items).toHaveLength(2);
    expect(told(warnings)).toMatch(/left out.*: c\.bmp \(save them as PNG to use them/);
  });

  test('a picture that changed before it was read again is told', async () => {
    await addPicture('a.png', 96, 64);
    await addPicture('b.png', 96, 64, 3);
    const pixels = await Promise.all((await load()).items.map((item) => item.pixels()));
    const { items } = await load({ memoryBytes: 20_000 }); // one of them
    expect(await Promise.all(items.map((item) => item.pixels()))).toEqual(pixels);
    await addPicture('a.png', 96, 64, 5);
    await items[1]?.pixels();
    await expect(items[0]?.pixels()).rejects.toMatchObject({ code: 'data/picture-changed' });
  });

  test('an empty folder, a missing one, a file', async () => {
    await expect(load()).rejects.toThrow(/there are no pictures here\n(.*\n)*.*got: an empty folder/);
    await expect(load({ source: join(folder, 'none') })).rejects.toThrow(
      /none: there is nothing at this path/,
    );
    await addPicture('a.png');
    await expect(load({ source: join(folder, 'a.png') })).rejects.toThrow(/not a folder/);
    await expect(load({ source: [join(folder, 'b.png')] })).rejects.toThrow(
      /b\.png: no such file or folder \(ENOENT\)/,
    );
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
