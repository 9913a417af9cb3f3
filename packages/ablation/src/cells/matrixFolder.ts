// The folder of a matrix: what was asked, a folder for each cell with its result, and beside them what differs from one
// time to the next: how long things took, which attempts failed, who works on what.
import { appendFile, cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  beginFolder,
  parseJson,
  readJsonFile,
  readWholeFolder,
  removeUnfinished,
  writeFileWhole,
} from '@likeness/core';
import { readOutcome } from '../executors/messages.ts';
import type { CellResult } from '../cellResult.ts';
import type { Failure } from './failure.ts';
import type { CellTiming, PreparedCell } from './cellWork.ts';
import type { StoredCell } from './cellStore.ts';

export const RESULT_FILE = 'result.json';
/** Written by whoever seals a folder; a copy is sealed anew. */
const MANIFEST = 'manifest.json';

/** A line of `timings.jsonl`. */
export interface TimingRecord extends CellTiming {
  readonly id: string;
  readonly recipe: string;
  readonly at: string;
}

/** A line of `failures.jsonl`. */
export interface FailureRecord extends Failure {
  readonly id: string;
  readonly at: string;
}

export interface MatrixFolder {
  readonly path: string;
  /** Runs that are not finished. */
  readonly runsFolder: string;
  cellFolder(id: string): string;
  /** Puts a result into its cell's folder, unless exactly this is there. */
  keep(result: CellResult, stored: StoredCell): Promise<void>;
  /** Puts the result of a cell that has no files there. */
  keepFailed(result: CellResult): Promise<void>;
  /** A result that is there and whole. */
  find(id: string): Promise<CellResult | undefined>;
  /** Whether the files of a cell are there, so that they need not come from the store. */
  filesOf(id: string): Promise<StoredCell | undefined>;
  write(name: string, value: unknown): Promise<void>;
  read(name: string): Promise<unknown>;
  note(kind: 'timings', record: TimingRecord): Promise<void>;
  note(kind: 'failures', record: FailureRecord): Promise<void>;
  timings(): Promise<TimingRecord[]>;
  failures(): Promise<FailureRecord[]>;
}

/** Opens a folder, which need not exist. */
export function openMatrixFolder(path: string): MatrixFolder {
  const cellFolder = (id: string): string => join(path, 'cells', id);

  const put = async (result: CellResult, source: string | undefined): Promise<void> => {
    const target = cellFolder(result.id);
    const text = `${JSON.stringify(result, undefined, 2)}\n`;
    const whole = await readWholeFolder(target, 'sizes');
    if (whole && (await readFile(join(target, RESULT_FILE), 'utf8').catch(() => '')) === text) return;
    const unfinished = await beginFolder(target);
    try {
      if (source !== undefined) {
        await cp(source, unfinished.folder, {
          recursive: true,
          filter: (file) => ![MANIFEST, RESULT_FILE].includes(basename(file)),
        });
      }
      await writeFileWhole(join(unfinished.folder, RESULT_FILE), text);
      await unfinished.commit();
    } catch (error) {
      await unfinished.abandon();
      throw error;
    }
  };

  const lines = async <T>(name: string): Promise<T[]> => {
    const text = await readFile(join(path, name), 'utf8').catch(() => '');
    // A line torn by a crash says nothing.
    return text.split('\n').flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as T];
      } catch {
        return [];
      }
    });
  };

  return {
    path,
    runsFolder: join(path, 'runs'),
    cellFolder,
    keep: (result, { folder }) => put(result, folder),
    keepFailed: (result) => put(result, undefined),
    find: async (id) => {
      if ((await readWholeFolder(cellFolder(id), 'sizes')) === undefined) return undefined;
      return JSON.parse(await readFile(join(cellFolder(id), RESULT_FILE), 'utf8')) as CellResult;
    },
    filesOf: async (id) => {
      const folder = cellFolder(id);
      const manifest = await readWholeFolder(folder, 'contents');
      if (manifest?.files['outcome.json'] === undefined) return undefined;
      const file = join(folder, 'outcome.json');
      return { folder, outcome: readOutcome(await readJsonFile(file), file) };
    },
    write: (name, value) => writeFileWhole(join(path, name), `${JSON.stringify(value, undefined, 2)}\n`),
    read: async (name) => {
      const file = join(path, name);
      const text = await readFile(file, 'utf8').catch(() => undefined);
      return text === undefined ? undefined : parseJson(text, file);
    },
    note: async (kind, record) => {
      await mkdir(path, { recursive: true });
      await appendFile(join(path, `${kind}.jsonl`), `${JSON.stringify(record)}\n`);
    },
    timings: () => lines<TimingRecord>('timings.jsonl'),
    failures: () => lines<FailureRecord>('failures.jsonl'),
  };
}

/** Takes away what killed processes left, and runs of cells that are no longer asked for. */
export async function tidy(folder: MatrixFolder, wanted: readonly Pick<PreparedCell, 'id'>[]): Promise<void> {
  // Whoever works a matrix off is its only writer.
  for (const place of [folder.path, join(folder.path, 'cells')]) await removeUnfinished(place);
  const names = await readdir(folder.runsFolder).catch((): string[] => []);
  const ids = new Set(wanted.map(({ id }) => id));
  for (const name of names)
    if (!ids.has(name)) await rm(join(folder.runsFolder, name), { recursive: true, force: true });
}
