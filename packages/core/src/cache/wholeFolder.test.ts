import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../testing/trial.ts';
import { beginFolder, removeUnfinished } from './wholeFolder.ts';

async function seal(target: string, text: string): Promise<string> {
  const unfinished = await beginFolder(target);
  await writeFile(join(unfinished.folder, 'text'), text);
  await unfinished.commit();
  return unfinished.folder;
}

it('keeps the old folder when it is killed between moving that aside and naming the new one', async () => {
  const root = temporaryFolder();
  const target = join(root, 'export');
  await seal(target, 'old');
  // What a kill leaves there: the old one moved aside, the new one still under its temporary name.
  const { folder: draft } = await beginFolder(target);
  await rename(target, `${draft}-old`);
  await removeUnfinished(root);
  expect(await readdir(root)).toEqual(['export']);
  expect(await readFile(join(target, 'text'), 'utf8')).toBe('old');
});

it('removes what was moved aside once the new one is there', async () => {
  const root = temporaryFolder();
  const target = join(root, 'export');
  const draft = await seal(target, 'new');
  await mkdir(`${draft}-old`);
  await removeUnfinished(root);
  expect(await readdir(root)).toEqual(['export']);
});
