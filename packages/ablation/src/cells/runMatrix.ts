// Works a plan off: takes what is there, has the rest made, keeps every result and every failure. Killed at any moment
// and started again it does nothing twice, since results are whole or absent and found by their content.
import { stableJson, type PipelineEvent } from '@likeness/core';
import type { CellResult, CellStatus } from '../cellResult.ts';
import { METHOD } from '../matrix/axis.ts';
import type { Point } from '../matrix/expand.ts';
import type { Plan, PlannedCell } from '../matrix/plan.ts';
import { CellFailed, type CellTask, type Executor } from '../executors/executor.ts';
import type { CellStore, StoredCell } from './cellStore.ts';
import type { CellTiming } from './cellWork.ts';
import { interruption, type Failure } from './failure.ts';
import { tidy, type MatrixFolder } from './matrixFolder.ts';

export type MatrixEvent =
  | {
      readonly type: 'matrix-started';
      readonly cells: number;
      /** Results that were there. */
      readonly reused: number;
      /** Known to fail. */
      readonly failed: number;
      /** Both of them. */
      readonly present: readonly string[];
    }
  | { readonly type: 'cell-started'; readonly id: string; readonly worker: string }
  | { readonly type: 'cell-event'; readonly id: string; readonly event: PipelineEvent }
  | { readonly type: 'cell-finished'; readonly id: string; readonly timing?: CellTiming | undefined }
  | { readonly type: 'cell-retried'; readonly id: string; readonly reason: string; readonly attempt: number }
  | { readonly type: 'cell-failed'; readonly id: string; readonly reason: string }
  /** About the queue. */
  | { readonly type: 'warning'; readonly code: string; readonly text: string };

export interface MatrixOptions {
  readonly plan: Plan;
  readonly folder: MatrixFolder;
  readonly store: CellStore;
  readonly executor: Executor;
  /** Attempts beyond the first, where another one may end otherwise. */
  readonly retries: number;
  /** Try cells again whose failure was final: after Likeness itself has changed, say. */
  readonly retryFailed?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly emit: (event: MatrixEvent) => void;
}

export interface MatrixOutcome {
  /** Every place of every study, in the order of the plan; what did not run is there as well. */
  readonly results: ReadonlyMap<string, readonly CellResult[]>;
  readonly count: Readonly<Record<CellStatus, number>>;
}

/** Never throws for being stopped: what is not done then is `pending`. */
export async function runMatrix(options: MatrixOptions): Promise<MatrixOutcome> {
  const { plan, folder, store, emit } = options;
  await tidy(folder, plan.cells);
  const made = new Map<string, StoredCell>();
  const failed = new Map<string, Failure>();
  const waiting: PlannedCell[] = [];
  const before = options.retryFailed === true ? new Map<string, Failure>() : await finalFailures(folder);
  for (const cell of plan.cells) {
    const stored = (await folder.filesOf(cell.id)) ?? (await store.find(cell));
    const failure = before.get(cell.id);
    if (stored) made.set(cell.id, stored);
    else if (failure) failed.set(cell.id, failure);
    else waiting.push(cell);
  }
  for (const cell of plan.cells) await keep(cell, made, failed, folder);
  emit({
    type: 'matrix-started',
    cells: plan.cells.length,
    reused: made.size,
    failed: failed.size,
    present: [...made.keys(), ...failed.keys()],
  });

  await Promise.all(
    waiting.map(async (cell) => {
      const end = await attempt(cell, options);
      if (end === undefined) return;
      if ('folder' in end) made.set(cell.id, end);
      else failed.set(cell.id, end);
      await keep(cell, made, failed, folder);
    }),
  );
  const results = resultsOf(plan, made, failed);
  await folder.write('results.json', Object.fromEntries(results));
  const all = [...results.values()].flat();
  const counted = (status: CellStatus): number => all.filter((result) => result.status === status).length;
  return {
    results,
    count: {
      done: counted('done'),
      failed: counted('failed'),
      invalid: counted('invalid'),
      pending: counted('pending'),
    },
  };
}

/** The end of a cell: a result, a failure for good, or nothing when everything was stopped. */
async function attempt(
  cell: PlannedCell,
  { folder, store, executor, retries, signal, emit }: MatrixOptions,
): Promise<StoredCell | Failure | undefined> {
  const task: CellTask = { id: cell.id, request: cell.request, parts: cell.parts };
  for (let number = 1; ; number++) {
    try {
      const timing = await executor.submit(task);
      const stored = await store.find(cell);
      if (stored === undefined) throw new CellFailed(interruption('its result is not in the store'));
      if (timing !== undefined)
        await folder.note('timings', {
          id: cell.id,
          recipe: cell.config.recipe,
          ...timing,
          at: new Date().toISOString(),
        });
      emit({ type: 'cell-finished', id: cell.id, timing });
      return stored;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof CellFailed)) throw error;
      const { failure } = error;
      await folder.note('failures', { id: cell.id, ...failure, at: new Date().toISOString() });
      if (failure.isFinal || number > retries) {
        emit({ type: 'cell-failed', id: cell.id, reason: failure.reason });
        return failure;
      }
      emit({ type: 'cell-retried', id: cell.id, reason: failure.reason, attempt: number });
    }
  }
}

/** What is known to fail again: the last word on each cell counts. */
async function finalFailures(folder: MatrixFolder): Promise<Map<string, Failure>> {
  const last = new Map((await folder.failures()).map((record) => [record.id, record]));
  return new Map(
    [...last].filter(([, { isFinal }]) => isFinal).map(([id, { reason }]) => [id, { reason, isFinal: true }]),
  );
}

async function keep(
  cell: PlannedCell,
  made: ReadonlyMap<string, StoredCell>,
  failed: ReadonlyMap<string, Failure>,
  folder: MatrixFolder,
): Promise<void> {
  const [point] = cell.points;
  const [stored, failure] = [made.get(cell.id), failed.get(cell.id)];
  if (point === undefined) return;
  if (stored) await folder.keep(resultOf(cell.id, point, stored, undefined), stored);
  else if (failure) await folder.keepFailed(resultOf(cell.id, point, undefined, failure));
}

function resultsOf(
  { studies, cells, invalid }: Plan,
  made: ReadonlyMap<string, StoredCell>,
  failed: ReadonlyMap<string, Failure>,
): Map<string, CellResult[]> {
  const cellOf = new Map(cells.flatMap(({ id, points }) => points.map((point) => [point, id] as const)));
  const reasonOf = new Map(invalid.map(({ point, reason }) => [point, reason] as const));
  return new Map(
    studies.map(({ name, points }) => [
      name,
      points.map((point) => {
        const id = cellOf.get(point);
        if (id !== undefined) return resultOf(id, point, made.get(id), failed.get(id));
        return {
          ...placeOf(point),
          id: invalidId(point),
          status: 'invalid' as const,
          measures: {},
          samples: [],
          reason: reasonOf.get(point) ?? '',
        };
      }),
    ]),
  );
}

function resultOf(
  id: string,
  point: Point,
  stored: StoredCell | undefined,
  failure: Failure | undefined,
): CellResult {
  const { measures = {}, samples = [] } = stored?.outcome ?? {};
  const status: CellStatus = stored ? 'done' : failure ? 'failed' : 'pending';
  return {
    id,
    status,
    ...placeOf(point),
    measures,
    ...(failure === undefined ? {} : { reason: failure.reason }),
    samples: samples.map((sample) => ({ ...sample, path: `cells/${id}/${sample.path}` })),
  };
}

const placeOf = ({ factors, subject, seed }: Point): Pick<CellResult, 'factors' | 'subject' | 'seed'> => ({
  factors,
  subject,
  seed,
});

/** What cannot run has no content; it is named by its place. */
const invalidId = ({ factors, subject, seed }: Point): string =>
  `invalid:${stableJson({ factors, subject, seed })}`;

/** `method dreambooth, rank 4`: a place in words. */
export function describePoint({
  factors,
  subject,
  seed,
}: Pick<Point, 'factors' | 'subject' | 'seed'>): string {
  const said = Object.entries(factors).filter(([, value]) => value !== null);
  const told = said.map(([name, value]) => (name === METHOD ? String(value) : `${name} ${String(value)}`));
  return [...told, subject, `seed ${seed}`].join(', ');
}
