// One cell from its task to a result in the store, wherever it is worked on.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, stableJson, type PipelineEvent } from '@likeness/core';
import type { CellTask } from '../executors/executor.ts';
import type { CellStore } from './cellStore.ts';
import type { CellTiming, CellWork, PreparedCell } from './cellWork.ts';

export interface CellWorkplace {
  readonly work: CellWork;
  readonly store: CellStore;
  /** Runs that are not finished: a folder for each cell. */
  readonly runsFolder: string;
  readonly cacheDir?: string | undefined;
  /** Keep the run's folder with checkpoints and export after its result is whole. */
  readonly keepRuns?: boolean | undefined;
}

/**
 * @returns what it took; undefined when somebody else has made the result
 * @throws DataError when this machine would make something else under the same settings
 */
export async function runCell(
  task: CellTask,
  { work, store, runsFolder, cacheDir, keepRuns = false }: CellWorkplace,
  { signal, emit }: { readonly signal: AbortSignal; readonly emit: (event: PipelineEvent) => void },
): Promise<CellTiming | undefined> {
  const cell = await work.prepare(task.request);
  if (cell.id !== task.id) throw differs(task, cell);
  const runFolder = join(runsFolder, cell.id);
  let timing: CellTiming | undefined;
  await store.getOrCreate(
    cell,
    async (resultFolder) => {
      const done = await work.run(cell, { runFolder, resultFolder, cacheDir, signal, emit });
      timing = done.timing;
      return done.outcome;
    },
    signal,
  );
  if (!keepRuns) await rm(runFolder, { recursive: true, force: true });
  return timing;
}

function differs(task: CellTask, cell: PreparedCell): DataError {
  return new DataError('this worker would make another cell than was asked for', {
    code: 'ablation/other-cell',
    where: `cell ${task.id.slice(0, 12)}`,
    details: differences(task.parts, cell.parts),
    hint: 'give all machines the same version of Likeness and TensorFlow, the same model and the same pictures',
  });
}

function differences(wanted: unknown, got: unknown, path = ''): string[] {
  if (isRecord(wanted) && isRecord(got)) {
    const keys = [...new Set([...Object.keys(wanted), ...Object.keys(got)])].sort();
    return keys.flatMap((key) => differences(wanted[key], got[key], path === '' ? key : `${path}.${key}`));
  }
  const [a, b] = [wanted, got].map((value) => stableJson({ value }));
  return a === b ? [] : [`${path}: wanted ${JSON.stringify(wanted)}, here ${JSON.stringify(got)}`];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
