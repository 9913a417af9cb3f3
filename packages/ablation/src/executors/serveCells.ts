// The worker's side of a pool: takes cells from its parent one at a time. When the parent is gone it stops as if asked to.
import { openCellStore } from '../cells/cellStore.ts';
import type { CellWork } from '../cells/cellWork.ts';
import { failureOf } from '../cells/failure.ts';
import { runCell } from '../cells/runCell.ts';
import { isTold, type CellTask } from './executor.ts';
import { once } from './once.ts';
import { readToWorker } from './messages.ts';
import type { FromWorker, Workplace } from './protocol.ts';

/** A run that does not come to its end of a step within this is left to its checkpoints. */
const STOP_MS = 20_000;

/** Serves until the parent says stop or is gone. */
export async function serveCells(work: CellWork, kill: () => void): Promise<void> {
  const stop = new AbortController();
  const ended = once();
  let running: Promise<void> = Promise.resolve();
  const end = (): void => {
    if (stop.signal.aborted) return;
    stop.abort(new Error('stopped'));
    const late = setTimeout(() => {
      kill();
      process.exit(1);
    }, STOP_MS);
    void running.finally(() => {
      clearTimeout(late);
      ended.resolve();
    });
  };
  // The terminal sends Ctrl-C, and that it is gone, to the whole group; what to do about it is the parent's decision.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGTERM', end);
  process.on('disconnect', end);
  process.on('message', (said) => {
    const message = readToWorker(said);
    if (message.type === 'stop') end();
    else running = workOff(message.task, message.place, work, stop.signal);
  });
  tell({ type: 'ready' });
  await ended.promise;
  process.off('SIGTERM', end);
  if (process.connected) process.disconnect();
}

async function workOff(task: CellTask, place: Workplace, work: CellWork, signal: AbortSignal): Promise<void> {
  const { id } = task;
  try {
    const store = openCellStore(place.cacheDir);
    const timing = await runCell(
      task,
      { work, store, ...place },
      {
        signal,
        emit: (event) => {
          if (isTold(event)) tell({ type: 'event', id, event });
        },
      },
    );
    tell({ type: 'done', id, timing });
  } catch (error) {
    if (signal.aborted) tell({ type: 'stopped', id });
    else tell({ type: 'failed', id, failure: failureOf(error, [place.runsFolder, process.cwd()]) });
  }
}

/** To a parent that was killed nothing can be told; `disconnect`, which follows, ends the work. */
function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
