import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../testing/trial.ts';
import { removeUnfinished } from './unfinished.ts';
import { beginFolder } from './wholeFolder.ts';

async function seal(target: string, text: string): Promise<string> {
  const unfinished = await beginFolder(target);
  await writeFile(join(unfinished.folder, 'text'), text);
  await unfinished.commit();
  return unfinished.folder;
}

/** As if the process that fills a folder had been killed: its lock is that of a process that is gone. */
async function dieOver(draft: string): Promise<void> {
  const lock = `${draft}.lock`;
  await writeFile(lock, (await readFile(lock, 'utf8')).replace(/"start":"[^"]*"/, '"start":"long ago"'));
}

it('keeps the old folder when it is killed between moving that aside and naming the new one', async () => {
  const root = temporaryFolder();
  const target = join(root, 'export');
  await seal(target, 'old');
  // What a kill leaves there: the old one moved aside, the new one still under its temporary name.
  const { folder: draft } = await beginFolder(target);
  await rename(target, `${draft}-old`);
  await removeUnfinished(root);
  expect(await readdir(root)).not.toContain('export'); // its maker lives
  await dieOver(draft);
  await removeUnfinished(root);
  expect(await readdir(root)).toEqual(['export']);
  expect(await readFile(join(target, 'text'), 'utf8')).toBe('old');
});

it('sweeps what killed processes left beside, whatever it was to become, and nothing else', async () => {
  const root = temporaryFolder();
  const killed = await beginFolder(join(root, 'merged'));
  await writeFile(join(killed.folder, 'half'), '');
  await dieOver(killed.folder);
  const alive = await beginFolder(join(root, 'evaluation'));
  await mkdir(join(root, '.unfinished-by hand'));
  await seal(join(root, 'other'), 'x');
  expect((await readdir(root)).sort()).toEqual(
    ['.unfinished-by hand', alive.folder, `${alive.folder}.lock`, 'other']
      .map((path) => basename(path))
      .sort(),
  );
  await alive.abandon();
  expect(await readdir(root)).toHaveLength(2);
});

it('removes what was moved aside once the new one is there', async () => {
  const root = temporaryFolder();
  const target = join(root, 'export');
  const draft = await seal(target, 'new');
  await mkdir(`${draft}-old`);
  await removeUnfinished(root);
  expect(await readdir(root)).toEqual(['export']);
});
