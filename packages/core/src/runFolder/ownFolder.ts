// Where a run writes: a folder of its own. What somebody else put there is never written over.
import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DataError, FileError, withFileErrors } from '../errors.ts';
import { readRunRecord } from './runFolder.ts';

/** Names that systems leave in folders, and temporary ones of our own. */
const NOBODYS = /^(\.DS_Store|Thumbs\.db|desktop\.ini|\.unfinished-.*|.*\.lock)$/;
const FIRST_NAMED = 3;

/**
 * Refuses a folder for a run before anything starts: one that cannot be written, and one that holds anything no run of
 * ours made. It is not made, and nothing in it is touched.
 * @throws FileError, DataError `run/foreign-folder` naming the first files
 */
export async function requireOwnFolder(outputDir: string): Promise<void> {
  const folder = resolve(outputDir);
  await requireWritable(folder, outputDir);
  const names = await readdir(folder).catch((): string[] => []);
  const foreign = names.filter((name) => !NOBODYS.test(name)).sort();
  if (foreign.length === 0 || (await isOurs(folder))) return;
  const named = foreign.slice(0, FIRST_NAMED).join(', ');
  throw new DataError('the folder holds something that no run made', {
    code: 'run/foreign-folder',
    where: outputDir,
    expected: 'an empty folder, a new one, or that of a run',
    got: foreign.length > FIRST_NAMED ? `${named} and ${foreign.length - FIRST_NAMED} more` : named,
    hint: `name a folder in it: --output-dir ${join(outputDir, 'run')}`,
  });
}

const isOurs = (folder: string): Promise<boolean> =>
  readRunRecord(folder).then(
    ({ config }) => typeof config.recipe === 'string',
    () => false,
  );

/** The nearest folder above that is there must be a folder, and may be written. */
async function requireWritable(folder: string, named: string): Promise<void> {
  const there = await stat(folder).catch((error: unknown) => error);
  if (there instanceof Error) {
    if (dirname(folder) !== folder) await requireWritable(dirname(folder), named);
    return;
  }
  await withFileErrors(named, async () => {
    if (!(await stat(folder)).isDirectory()) {
      throw new FileError('it is a file, and a folder was expected', {
        code: 'file/not-a-folder',
        where: named,
        got: folder,
        hint: 'name another folder',
      });
    }
    await access(folder, constants.W_OK);
  });
}
