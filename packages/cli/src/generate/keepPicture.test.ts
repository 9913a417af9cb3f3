import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepFile, requireWritable } from './keepPicture.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keep-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('equal pictures are one file; another one of the same name gets a number', async () => {
  const path = join(folder, 'cat.png');
  const [first, second] = [Buffer.from('first'), Buffer.from('second')];
  expect(await keepFile(path, first)).toBe(path);
  expect(await keepFile(path, first)).toBe(path);
  expect(await keepFile(path, second)).toBe(join(folder, 'cat-2.png'));
  expect(await keepFile(path, second)).toBe(join(folder, 'cat-2.png'));
  expect(await readFile(path)).toEqual(first);
  expect(await readdir(folder)).toEqual(['cat-2.png', 'cat.png']);
});

test('where nothing can be written is told with the folder', async () => {
  await requireWritable(join(folder, 'new', 'one'));
  expect(await readdir(join(folder, 'new', 'one'))).toEqual([]);
  await writeFile(join(folder, 'file'), '');
  await expect(requireWritable(join(folder, 'file'))).rejects.toMatchObject({
    code: 'file/exists',
    where: join(folder, 'file'),
  });
});
