import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryLock } from '@likeness/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheKey, openCache, type Cache } from './cache.ts';

let dir: string;
let cache: Cache;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'likeness-cache-'));
  cache = openCache(dir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const fill = (text: string) => async (folder: string) => {
  await mkdir(join(folder, 'deep'), { recursive: true });
  await writeFile(join(folder, 'deep', 'a.txt'), text);
};

describe('cacheKey', () => {
  it('depends on values only', () => {
    expect(cacheKey({ a: 1, b: { c: 2, d: undefined } })).toBe(cacheKey({ b: { c: 2 }, a: 1 }));
    expect(cacheKey({ a: [1, 2] })).not.toBe(cacheKey({ a: [2, 1] }));
    expect(() => cacheKey({ a: Number.NaN })).toThrow('a: NaN');
  });
});

describe('openCache', () => {
  it('makes a thing once', async () => {
    let made = 0;
    const get = (seed: number) =>
      cache.getOrCreate('latents', { seed }, (folder) => (made++, fill('x')(folder)));
    const folder = await get(1);
    expect(await get(1)).toBe(folder);
    expect(made).toBe(1);
    expect(await get(2)).not.toBe(folder);
    expect(await readFile(join(folder, 'deep', 'a.txt'), 'utf8')).toBe('x');
  });

  it.each([
    ['shorter', ''],
    ['changed in place', 'y'],
  ])('makes a thing again when a file is %s', async (_, damage) => {
    const folder = await cache.getOrCreate('latents', { seed: 1 }, fill('x'));
    await writeFile(join(folder, 'deep', 'a.txt'), damage);
    expect(await cache.find('latents', { seed: 1 })).toBeUndefined();
    await cache.getOrCreate('latents', { seed: 1 }, fill('x'));
    expect(await readFile(join(folder, 'deep', 'a.txt'), 'utf8')).toBe('x');
  });

  it('leaves nothing behind when making fails', async () => {
    const failing = cache.getOrCreate('latents', { seed: 1 }, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(join(dir, 'store', 'latents'))).toEqual([]);
  });

  it('has a thing made by one while others wait, and leaves no lock', async () => {
    let made = 0;
    const folders = await Promise.all(
      Array.from({ length: 8 }, () =>
        cache.getOrCreate('latents', { seed: 1 }, (folder) => (made++, fill('x')(folder))),
      ),
    );
    expect(new Set(folders).size).toBe(1);
    expect(made).toBe(1);
    expect(await cache.find('latents', { seed: 1 })).toBe(folders[0]);
    expect(await readdir(join(dir, 'store', 'latents'))).toEqual([cacheKey({ seed: 1 })]);
  });

  it('takes over from a process that is dead, and stops waiting for one that lives when asked to', async () => {
    const { folder } = cache.entry('latents', { seed: 1 });
    const path = join(dir, 'store', 'latents', `.unfinished-${cacheKey({ seed: 1 })}.lock`);
    const lock = await tryLock(path);
    // The same file as a process leaves it that is killed: its number may belong to another one by then.
    const left = JSON.parse(await readFile(path, 'utf8')) as object;
    const stop = new AbortController();
    const waiting = cache.getOrCreate('latents', { seed: 1 }, fill('x'), stop.signal);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await lock?.release();
    await writeFile(path, JSON.stringify({ ...left, start: 'long ago' }));
    expect(await cache.getOrCreate('latents', { seed: 1 }, fill('x'))).toBe(folder);
  });

  it('lists, measures and prunes by age and by size', async () => {
    for (const seed of [1, 2, 3]) {
      const folder = await cache.getOrCreate('latents', { seed }, fill('0123456789'));
      const used = new Date(Date.now() - seed * 24 * 3600e3);
      await utimes(join(folder, 'manifest.json'), used, used);
    }
    expect(await cache.size()).toEqual({ latents: 30 });
    expect(await cache.prune({ olderThanDays: 2.5 })).toHaveLength(1);
    expect(await cache.find('latents', { seed: 3 })).toBeUndefined();
    const removed = await cache.prune({ maxBytes: 10 });
    expect(removed.map(({ key }) => key)).toEqual([cacheKey({ seed: 2 })]);
    expect(await cache.list()).toHaveLength(1);
  });

  it('says what to do where nobody may write', async () => {
    const target = join(dir, 'file');
    await writeFile(target, '');
    await expect(openCache(target).getOrCreate('latents', {}, fill('x'))).rejects.toMatchObject({
      code: 'file/not-a-folder',
    });
    if (process.getuid?.() === 0) return; // root may write anywhere
    await chmod(dir, 0o500);
    await expect(cache.getOrCreate('latents', {}, fill('x'))).rejects.toMatchObject({
      code: 'file/no-permission',
    });
    await chmod(dir, 0o700);
  });
});
