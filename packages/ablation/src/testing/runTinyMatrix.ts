// A matrix of the tiny model in worker processes, for tests.
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { flagsFromSchema } from '@likeness/core';
import { openCellStore } from '../cells/cellStore.ts';
import { openMatrixFolder } from '../cells/matrixFolder.ts';
import { runMatrix, type MatrixEvent, type MatrixOutcome } from '../cells/runMatrix.ts';
import { localExecutor } from '../executors/localExecutor.ts';
import { expand, type Surroundings } from '../matrix/expand.ts';
import { planCells, type Plan } from '../matrix/plan.ts';
import { resolveQuestion, type QuestionInput } from '../matrix/question.ts';
import { tinyPlugins, tinyWork } from './tinyWork.ts';

/** Two methods, two seeds, class pictures that cells of a seed share. */
export const TINY_QUESTION: QuestionInput = {
  axes: { method: ['slow', 'fast'] },
  seeds: 2,
  settings: { maxTrainSteps: 4, pluginOptions: { slow: { numClassImages: 2 }, fast: { numClassImages: 2 } } },
};

export interface TinyMatrixOptions {
  /** With the model and pictures. */
  readonly folder: string;
  /** Of the matrix. */
  readonly name: string;
  readonly cacheDir: string;
  readonly workers: number;
  readonly question?: QuestionInput;
  readonly retries?: number;
  readonly signal?: AbortSignal;
  readonly emit?: (event: MatrixEvent) => void;
  /** Given each worker that starts. */
  readonly spawned?: (child: ChildProcess) => void;
}

export async function planTiny(folder: string, question: QuestionInput = TINY_QUESTION): Promise<Plan> {
  const surroundings: Surroundings = {
    defaultRecipe: 'fast',
    optionsOf: async (recipe) =>
      flagsFromSchema(recipe.split('+').flatMap((name) => tinyPlugins[name] ?? [])),
    subject: async (name = 'thing') => ({
      name,
      classNoun: 'thing',
      pictures: [],
      source: { instanceDataDir: join(folder, 'pictures') },
      wrongNoun: 'other',
    }),
  };
  const studies = await expand(resolveQuestion([{ name: 'test', values: question }], 'tiny'), surroundings);
  return planCells(studies, await tinyWork({ folder }));
}

export async function runTinyMatrix({
  folder,
  name,
  cacheDir,
  workers,
  question,
  retries = 1,
  signal = new AbortController().signal,
  emit = () => undefined,
  spawned = () => undefined,
}: TinyMatrixOptions): Promise<MatrixOutcome> {
  const matrix = openMatrixFolder(join(folder, name));
  const executor = localExecutor({
    workers,
    spawn: () => {
      const child = forkTiny('tinyWorker.ts', [folder]);
      spawned(child);
      return child;
    },
    place: { runsFolder: matrix.runsFolder, cacheDir },
    reports: {
      started: (id, worker) => {
        emit({ type: 'cell-started', id, worker });
      },
      event: (id, event) => {
        emit({ type: 'cell-event', id, event });
      },
    },
    signal,
    peakMemoryBytes: 1e8,
  });
  try {
    const plan = await planTiny(folder, question);
    return await runMatrix({
      plan,
      folder: matrix,
      store: openCellStore(cacheDir),
      executor,
      retries,
      signal,
      emit,
    });
  } finally {
    await executor.close();
  }
}

/** A program of this folder as a process with a channel. Other packages come from their `dist`, as set-up built it. */
export function forkTiny(program: string, args: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, program), [...args], {
    execArgv: ['--import', 'jiti/register'],
    cwd: join(import.meta.dirname, '../../../core'), // where jiti is found
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
}
