import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../testing/trial.ts';
import { acquireFolderLock } from './folderLock.ts';

it('a run folder has one owner at a time', async () => {
  const folder = join(temporaryFolder(), 'run');
  const lock = await acquireFolderLock(folder);
  await expect(acquireFolderLock(folder)).rejects.toMatchObject({
    code: 'run/in-use',
    where: folder,
    got: expect.stringContaining(`process ${process.pid} on `) as string,
  });
  await lock.release();
  await (await acquireFolderLock(folder)).release();
});

it('says which folder cannot be written', async () => {
  const file = join(temporaryFolder(), 'file');
  await writeFile(file, '');
  await expect(acquireFolderLock(file)).rejects.toMatchObject({ code: 'file/exists', where: file });
});
