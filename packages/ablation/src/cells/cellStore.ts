// Results of cells by their content, shared by all matrices of a user: whole or absent, found by the cell's id.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir, openCache, readJsonFile, stableJson, type Cache } from '@likeness/core';
import { readOutcome } from '../executors/messages.ts';
import type { CellOutcome, PreparedCell } from './cellWork.ts';

/** The kind under which the user's cache keeps results: `pipeline cache` shows it. */
export const CELLS_KIND = 'cells';
export const OUTCOME_FILE = 'outcome.json';
export const CONFIG_FILE = 'config.json';
/** Settings that say where a cell was worked on. */
const OF_ONE_PLACE: readonly string[] = ['outputDir', 'cacheDir', 'resume'];

export interface StoredCell {
  readonly folder: string;
  readonly outcome: CellOutcome;
}

export interface CellStore {
  find(cell: Pick<PreparedCell, 'parts'>): Promise<StoredCell | undefined>;
  /** Takes over what somebody else has made: `bring` fills the folder with all of its files. */
  take(cell: Pick<PreparedCell, 'parts'>, bring: (folder: string) => Promise<void>): Promise<StoredCell>;
  /**
   * The result of a cell, made where it is not there. Two processes never make one at the same time: the second waits.
   * @param make fills the folder and returns the outcome
   */
  getOrCreate(
    cell: PreparedCell,
    make: (folder: string) => Promise<CellOutcome>,
    signal?: AbortSignal,
  ): Promise<StoredCell>;
}

/** The store in a cache folder. Default: the user's. */
export function openCellStore(dir: string = cacheDir()): CellStore {
  const cache: Cache = openCache(dir);
  return {
    find: async ({ parts }) => {
      const folder = await cache.find(CELLS_KIND, parts);
      return folder === undefined ? undefined : readStored(folder);
    },
    take: async ({ parts }, bring) => readStored(await cache.getOrCreate(CELLS_KIND, parts, bring)),
    getOrCreate: async (cell, make, signal) => {
      const fill = async (target: string): Promise<void> => {
        const outcome = await make(target);
        await writeFile(join(target, OUTCOME_FILE), `${stableJson(outcome)}\n`);
        await writeFile(join(target, CONFIG_FILE), `${JSON.stringify(recordOf(cell), undefined, 2)}\n`);
      };
      const folder = await cache.getOrCreate(CELLS_KIND, cell.parts, fill, signal);
      return readStored(folder);
    },
  };
}

async function readStored(folder: string): Promise<StoredCell> {
  const path = join(folder, OUTCOME_FILE);
  return { folder, outcome: readOutcome(await readJsonFile(path), path) };
}

/** As run folders keep it, so that `pipeline run --from` repeats the cell. */
function recordOf({ config, id, request }: PreparedCell): object {
  const settings = Object.fromEntries(Object.entries(config).filter(([key]) => !OF_ONE_PLACE.includes(key)));
  return { likeness: 'cell', config: settings, facts: { cell: id, evaluation: request.evaluation } };
}
