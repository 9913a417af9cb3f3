// Captioned pictures: found in both layouts, refused with every reason, packed once, split by content.
import { appendFile, cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, decodeImage, openCache } from '@likeness/core';
import { temporaryFolder, writeTinyPictures } from '@likeness/core/testing';
import { describe, expect, it } from 'vitest';
import { writeTinyCorpus } from '../testing/tinyCorpus.ts';
import { captionTable, withoutWord, wrongCaptions } from './captions.ts';
import { findCaptionedPictures } from './captionedPictures.ts';
import { pictureOrder, toUnitRange } from './draw.ts';
import { openPictureStore, type PictureStore } from './pictureStore.ts';

const folder = temporaryFolder();
const cache = openCache(join(folder, 'cache'));

describe('captioned pictures', () => {
  it('have their captions beside them, or in metadata.jsonl with further columns', async () => {
    const beside = join(folder, 'beside');
    await writeTinyPictures(beside, { count: 2 });
    await writeFile(join(beside, '0.txt'), 'a red thing\n');
    await writeFile(join(beside, '1.txt'), 'a blue thing');
    const found = await findCaptionedPictures(beside);
    expect(found.map(({ caption, columns }) => [caption, columns])).toEqual([
      ['a red thing', {}],
      ['a blue thing', {}],
    ]);
    const listed = join(folder, 'listed');
    await writeTinyCorpus(listed, { count: 3 });
    const both = await findCaptionedPictures([beside, listed]);
    expect(both).toHaveLength(5);
    expect(Object.keys(both[4]!.columns)).toEqual(['noun', 'colour', 'ground']);
    expect(both[4]!.caption).toBe(
      `a ${both[4]!.columns['colour']} ${both[4]!.columns['noun']} on ${both[4]!.columns['ground']}`,
    );
  });

  it('that cannot be used are all named', async () => {
    const bare = join(folder, 'bare');
    await writeTinyPictures(bare, { count: 2 });
    await writeFile(join(bare, '0.txt'), 'a thing');
    const torn = join(folder, 'torn');
    await writeTinyCorpus(torn, { count: 2 });
    await appendFile(join(torn, 'metadata.jsonl'), '{"file_name": "3.png"}\nnot json\n');
    const error: unknown = await findCaptionedPictures([bare, torn, join(folder, 'nowhere')]).catch(
      (e: unknown) => e,
    );
    for (const part of [
      '1.png: no caption',
      'line 3: expected',
      'line 4: expected',
      'nowhere: there is no such folder',
    ])
      expect(String(error)).toContain(part);
    const lost = join(folder, 'lost');
    await writeTinyCorpus(lost, { count: 2 });
    await rm(join(lost, '0001.png'));
    const pictures = await findCaptionedPictures(lost);
    await expect(openPictureStore({ pictures, resolution: 16, heldOutShare: 0, cache })).rejects.toThrow(
      '0001.png',
    );
  });
});

describe('the packed pictures', () => {
  const corpus = join(folder, 'corpus');
  const open = async (at: string, more: object = {}): Promise<PictureStore> =>
    openPictureStore({
      pictures: await findCaptionedPictures(at),
      resolution: 32,
      heldOutShare: 0.25,
      cache,
      ...more,
    });

  it('are the files, whatever order they are read in', async () => {
    await writeTinyCorpus(corpus, { count: 40 });
    const store = await open(corpus);
    const [picked] = [[7, 0, 7]];
    const bytes = await store.read(picked!);
    for (const [row, number] of picked!.entries()) {
      const { data } = await decodeImage(store.pictures[number]!.path);
      expect(Buffer.from(bytes.subarray(row * data.length, (row + 1) * data.length)).equals(data)).toBe(true);
    }
    await store.close();
  });

  it('are split by content: further pictures and other folders move none', async () => {
    const store = await open(corpus);
    expect(store.training.length + store.heldOut.length).toBe(40);
    expect(store.heldOut.length).toBeGreaterThan(3);
    const moved = join(folder, 'moved');
    await cp(corpus, moved, { recursive: true });
    const more = join(folder, 'more');
    await writeTinyCorpus(more, { count: 20, seed: 9 });
    const other = await open(moved);
    expect([other.heldOut, other.hash]).toEqual([store.heldOut, store.hash]);
    const both = await openPictureStore({
      pictures: [...store.pictures, ...(await findCaptionedPictures(more))],
      resolution: 32,
      heldOutShare: 0.25,
      cache,
    });
    expect(both.heldOut.filter((number) => number < 40).sort()).toEqual([...store.heldOut].sort());
    for (const one of [store, other, both]) await one.close();
  });

  it('that share a value of a column stay together', async () => {
    const store = await open(corpus, { heldOutBy: 'colour', heldOutShare: 0.5 });
    const colours = (numbers: readonly number[]): Set<string> =>
      new Set(numbers.map((number) => store.pictures[number]!.columns['colour']!));
    const shared = [...colours(store.training)].filter((colour) => colours(store.heldOut).has(colour));
    expect(shared).toEqual([]);
    await store.close();
  });

  it('are decoded anew when a file changes, and not otherwise', async () => {
    const changing = join(folder, 'changing');
    await mkdir(changing);
    await writeTinyCorpus(changing, { count: 4 });
    const kept = async (): Promise<number> =>
      (await readdir(join(cache.dir, 'store/captioned-pictures'))).length;
    const first = await open(changing);
    const before = await kept();
    const again = await open(changing);
    expect([await kept(), again.hash]).toEqual([before, first.hash]);
    await rename(join(changing, '0000.png'), join(changing, 'x.png'));
    await rename(join(changing, '0001.png'), join(changing, '0000.png'));
    await rename(join(changing, 'x.png'), join(changing, '0001.png'));
    const swapped = await open(changing);
    expect(swapped.picturesHash).not.toBe(first.picturesHash);
    expect(await kept()).toBe(before + 1);
    for (const one of [first, again, swapped]) await one.close();
  });
});

it('an epoch sees every picture once, and an order is the same whenever it is asked for', () => {
  const numbers = [3, 5, 8, 9, 12];
  const draw = pictureOrder(numbers, createRng(1), 'order');
  const seen = [0, 1, 2, 3, 4].flatMap((step) => draw(step, 3));
  for (const epoch of [0, 1, 2])
    expect(seen.slice(epoch * 5, epoch * 5 + 5).sort((a, b) => a - b)).toEqual(numbers);
  expect(pictureOrder(numbers, createRng(1), 'order')(3, 3)).toEqual(seen.slice(9, 12));
});

it('bytes become numbers from -1 to 1', () => {
  expect([...toUnitRange(Uint8Array.of(0, 255))]).toEqual([-1, 1]);
});

describe('captions', () => {
  const pictures = [
    { path: '', caption: 'a catwalk with a cat', columns: { noun: 'cat' } },
    { path: '', caption: 'a dog', columns: { noun: 'dog' } },
    { path: '', caption: 'something', columns: { noun: 'cat' } },
  ];

  it('are wrong in one whole word, or another picture’s', () => {
    expect(wrongCaptions(pictures, [0, 1], 'noun', createRng(0))).toEqual(['a catwalk with a dog', 'a cat']);
    const [other] = wrongCaptions(pictures, [2], 'noun', createRng(0));
    expect(['a catwalk with a cat', 'a dog']).toContain(other);
    expect(wrongCaptions(pictures, [1], undefined, createRng(0))).not.toEqual(['a dog']);
  });

  it('stand once in the table, behind the empty one', () => {
    const table = captionTable(['a', 'b', 'a']);
    expect(table.texts).toEqual(['', 'a', 'b']);
    expect([table.indexOf(''), table.indexOf('b')]).toEqual([0, 2]);
    expect(() => table.indexOf('c')).toThrow('not in the table');
  });
});

it('takes a word out of a caption, and sets the article right', () => {
  expect(withoutWord('a photo of a small red apple', 'small')).toBe('a photo of a red apple');
  expect(withoutWord('a photo of a red apple', 'red')).toBe('a photo of an apple');
  expect(withoutWord('an orange car on an orange background', 'orange')).toBe(
    'a car on an orange background',
  );
  expect(withoutWord('a hundred cats', 'red')).toBe('a hundred cats');
});
