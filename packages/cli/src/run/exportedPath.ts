// A run stands for what it exported, wherever a model or a file of adapters is asked for.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '@likeness/core';
import { displayPath } from '../terminal/format.ts';
import { requireRun, runFolderOf } from './findRun.ts';

/**
 * @param name a run folder, `latest`, or anything else, which stays as it is
 * @throws DataError when the run has exported nothing yet
 */
export async function exportedPath(name: string): Promise<string> {
  const folder = await runFolderOf(name, ({ state }) => state === 'finished');
  if (folder === undefined && name === 'latest') await requireRun(name, () => false);
  if (folder === undefined) return name;
  const exported = join(folder, 'export');
  if (await stat(exported).catch(() => undefined)) return exported;
  throw new DataError('this run has exported nothing yet', {
    code: 'run/no-export',
    where: displayPath(folder),
    hint: `pipeline resume ${displayPath(folder)}, or pipeline export ${displayPath(folder)}`,
  });
}
