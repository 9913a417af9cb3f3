// A run folder has one owner at a time: two processes that both train in it would write over each other's checkpoints.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lockHolder, tryLock, type ProcessLock } from '@likeness/engine';
import { DataError, withFileErrors } from '../errors.ts';

/** Its name in the folder; other files of the lock begin with it. */
export const LOCK_FILE = '.lock';

/**
 * Makes this process the owner of a folder, until it releases it or ends, however that comes about. The folder is made
 * when it is absent.
 * @throws DataError `run/in-use` when another process owns it; FileError when nothing can be written there
 */
export async function acquireFolderLock(folder: string): Promise<ProcessLock> {
  const path = join(folder, LOCK_FILE);
  return withFileErrors(folder, async () => {
    for (;;) {
      const lock = await tryLock(path);
      if (lock !== undefined) return lock;
      const holder = await lockHolder(path);
      if (holder === undefined) continue; // given back since
      const { pid, host, since } = holder;
      throw new DataError('another process works in this folder', {
        code: 'run/in-use',
        where: folder,
        got: `process ${pid} on ${host}, since ${since}`,
        hint: 'wait until it is done or stop it, or choose another folder',
      });
    }
  });
}

/** Removes the lock of a process that was killed after it had finished the run. @throws as `acquireFolderLock` */
export async function dropLeftLock(folder: string): Promise<void> {
  if (existsSync(join(folder, LOCK_FILE))) await (await acquireFolderLock(folder)).release();
}
