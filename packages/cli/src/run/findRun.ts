// Runs by the names people give them: a folder, the end of a path, `latest`.
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DataError, didYouMean, listRuns, type RunSummary } from '@likeness/core';

/** Where runs are kept, from where the command runs. */
export const RUNS_ROOT = 'runs';

/** Which runs `latest` may mean: all of them by default. */
export type RunFilter = (run: RunSummary) => boolean;

/** The folder of a run; undefined when the name is none of a run. */
export async function runFolderOf(
  name: string,
  isMeant: RunFilter = () => true,
): Promise<string | undefined> {
  if (name === 'latest') return (await listRuns(RUNS_ROOT)).findLast(isMeant)?.folder;
  for (const candidate of [resolve(name), resolve(RUNS_ROOT, name)]) {
    if (await isRun(candidate)) return candidate;
  }
  return undefined;
}

/** @throws DataError naming the runs there are */
export async function requireRun(name: string, isMeant?: RunFilter): Promise<string> {
  const folder = await runFolderOf(name, isMeant);
  if (folder !== undefined) return folder;
  const names = (await listRuns(RUNS_ROOT)).map((run) => run.name);
  throw new DataError(name === 'latest' ? 'there is no such run yet' : 'no such run', {
    code: 'run/not-found',
    where: name,
    expected:
      names.length > 0
        ? `a run folder, such as ${names
            .slice(-3)
            .map((run) => join(RUNS_ROOT, run))
            .join(', ')}`
        : 'a run folder',
    got: `${(await stat(name).catch(() => undefined)) ? 'something that is no run' : 'nothing there'}${didYouMean(name, names)}`,
    hint: 'pipeline runs lists them',
  });
}

async function isRun(folder: string): Promise<boolean> {
  return (
    (await stat(join(folder, 'config.json')).catch(() => undefined))?.isFile() === true &&
    !(await isModel(folder))
  );
}

/** A component folder of a model holds a config.json, too. */
async function isModel(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return names.some((name) => name.endsWith('.safetensors') || name === 'model_index.json');
}
