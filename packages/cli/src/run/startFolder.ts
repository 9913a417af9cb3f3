// The folder a run was started in: relative paths of its settings are meant from there, wherever it is gone on with.
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { readRunRecord, type ConfigLayer, type RunRecord } from '@likeness/core';
import { BUNDLED_MODEL } from '../composition.ts';
import { showPathsFrom } from '../terminal/format.ts';

/**
 * Where the pictures and the model of a run are found by their recorded paths: in the folder it was started in, or, when
 * that has moved, in one above the run's; else where the command runs.
 */
export async function startFolderOf(run: string): Promise<string> {
  const record = await readRunRecord(run);
  const paths = relativePaths(record);
  const candidates = [record.startedIn ?? process.cwd(), ...ancestorsOf(resolve(run))];
  for (const candidate of candidates) {
    const found = await Promise.all(paths.map((path) => isThere(resolve(candidate, path))));
    if (found.every(Boolean)) return candidate;
  }
  return process.cwd();
}

/** Relative paths of a run's settings as they are meant here: those that are found in its start folder alone. */
export function rebased(layer: ConfigLayer, folder: string): ConfigLayer {
  if (folder === process.cwd()) return layer;
  const moved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== 'string' || isAbsolute(value) || existsSync(value)) return value;
    return existsSync(resolve(folder, value)) ? resolve(folder, value) : value;
  };
  const options = Object.entries((layer.values['pluginOptions'] ?? {}) as Record<string, object>).map(
    ([name, own]) =>
      [
        name,
        Object.fromEntries(
          Object.entries(own).map(([key, value]) => [
            key,
            /Dir$/.test(key) ? moved(value) : (value as unknown),
          ]),
        ),
      ] as const,
  );
  const places = PLACES.filter((key) => layer.values[key] !== undefined);
  return {
    ...layer,
    values: {
      ...layer.values,
      ...Object.fromEntries(places.map((key) => [key, moved(layer.values[key])])),
      ...(options.length === 0 ? {} : { pluginOptions: Object.fromEntries(options) }),
    },
  };
}

const PLACES = ['instanceDataDir', 'pretrainedModel', 'watchJudge', 'plugins'] as const;

/** Does something as if the command ran in another folder; paths are still shown from where it does. */
export async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  if (folder === before) return work();
  showPathsFrom(before);
  process.chdir(folder);
  try {
    return await work();
  } finally {
    process.chdir(before);
    showPathsFrom(undefined);
  }
}

/** Of the pictures, and of the model unless it has a name: `doodle`, a Hub id. */
function relativePaths({ config }: RunRecord): string[] {
  // A run of pretraining has neither.
  const { instanceDataDir, pretrainedModel } = config as Partial<RunRecord['config']>;
  const pictures = typeof instanceDataDir === 'string' ? [instanceDataDir] : (instanceDataDir ?? []);
  const isName = pretrainedModel === BUNDLED_MODEL || /^[\w.-]+\/[\w.-]+$/.test(pretrainedModel ?? '');
  const model = isName || pretrainedModel === undefined ? [] : [pretrainedModel];
  return ['.', ...pictures, ...model].filter((path) => !isAbsolute(path));
}

function ancestorsOf(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [] : [parent, ...ancestorsOf(parent)];
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
