// The worker's side of a queue: takes one cell after the other, wherever it runs, until it is asked to stop.
import { hostname } from 'node:os';
import type { Processor } from 'bullmq';
import type { CellStore } from '../cells/cellStore.ts';
import type { CellWork } from '../cells/cellWork.ts';
import { failureOf } from '../cells/failure.ts';
import { runCell } from '../cells/runCell.ts';
import type { BlobStore } from './blobStore.ts';
import { isTold, type CellTask } from './executor.ts';
import type { JobAnswer, JobProgress } from './queueExecutor.ts';
import { readTask } from './messages.ts';
import { connectRedis, QUEUE_NAME, watchRedis, withinMs } from './redis.ts';
import { hasShared, share } from './sharedResults.ts';

export interface ServeQueueOptions {
  readonly redisUrl: string;
  readonly blobs: BlobStore;
  readonly work: CellWork;
  /** Of this machine. */
  readonly store: CellStore;
  readonly cacheDir?: string | undefined;
  /** Runs that are not finished. */
  readonly runsFolder: string;
  /** Aborted: the cell ends its step, keeps a checkpoint here and goes to whoever is next. */
  readonly signal: AbortSignal;
  readonly tell: (message: WorkerMessage) => void;
  readonly queueName?: string;
  /** A worker that is silent for so long loses its cell. */
  readonly silentMs?: number;
}

export type WorkerMessage =
  | { readonly type: 'ready'; readonly worker: string }
  | { readonly type: 'cell-started' | 'cell-finished' | 'cell-given-back'; readonly id: string }
  | { readonly type: 'cell-failed'; readonly id: string; readonly reason: string }
  | { readonly type: 'warning'; readonly code: string; readonly text: string };

/** Tracing a large network keeps a process busy for seconds at a time; with less it would lose its cell meanwhile. */
const SILENT_MS = 30_000;
/** Whether others have fallen silent is looked at so often, or four times within their silence. */
const LOOK_MS = 5000;
/** However often workers are lost, the cell is not: its coordinator decides about retries. */
const MAX_STALLED = 100;
/** Progress is told at most so often. */
const TELL_EVERY_MS = 500;
/** Redis may be gone when a worker ends. */
const CLOSE_MS = 5000;
/** Given back cells wait so long, so that the one who stops does not take them again. */
const AGAIN_MS = 1000;

/** Serves until the signal. @throws DataError when Redis does not answer */
export async function serveQueue(options: ServeQueueOptions): Promise<void> {
  const { redisUrl, blobs, work, store, cacheDir, runsFolder, signal, tell } = options;
  const { queueName = QUEUE_NAME, silentMs = SILENT_MS } = options;
  const { DelayedError, Worker } = await import('bullmq');
  const connection = await connectRedis(redisUrl);
  const name = `${hostname()}:${process.pid}`;
  const workOff: Processor<CellTask, JobAnswer> = async (job, token) => {
    const { id } = job.data;
    tell({ type: 'cell-started', id });
    // Who works on it is news, no condition: a queue that is away fails no cell.
    const inform = (progress: JobProgress): void => {
      job.updateProgress({ ...progress }).catch(() => undefined);
    };
    inform({ worker: name });
    try {
      const task = readTask(job.data);
      if (await hasShared(blobs, id)) return {};
      let last = 0;
      const timing = await runCell(
        task,
        { work, store, runsFolder, cacheDir },
        {
          signal,
          emit: (event) => {
            if (!isTold(event) || (event.type === 'step' && Date.now() - last < TELL_EVERY_MS)) return;
            last = Date.now();
            inform({ worker: name, event });
          },
        },
      );
      const made = await store.find(task);
      if (made) await share(blobs, id, made.folder);
      tell({ type: 'cell-finished', id });
      return { timing };
    } catch (error) {
      if (signal.aborted) {
        tell({ type: 'cell-given-back', id });
        // A queue that is away finds out by silence.
        await withinMs(CLOSE_MS, job.moveToDelayed(Date.now() + AGAIN_MS, token));
        throw new DelayedError();
      }
      const failure = failureOf(error, [runsFolder, process.cwd()]);
      tell({ type: 'cell-failed', id, reason: failure.reason });
      return { failure };
    }
  };
  let running: Promise<unknown> = Promise.resolve();
  const worker = new Worker<CellTask, JobAnswer>(
    queueName,
    (job, token) => {
      const answer = workOff(job, token);
      running = answer.catch(() => undefined);
      return answer;
    },
    {
      connection,
      concurrency: 1,
      lockDuration: silentMs,
      stalledInterval: Math.min(LOOK_MS, silentMs / 4),
      maxStalledCount: MAX_STALLED,
    },
  );
  worker.on('error', () => undefined);
  const unwatch = watchRedis([connection], redisUrl, (warning) => {
    tell({ type: 'warning', ...warning });
  });
  await worker.waitUntilReady();
  tell({ type: 'ready', worker: name });
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener('abort', () => {
        resolve();
      });
  });
  unwatch();
  // Closing waits for the cell, which gives itself back; a Redis that is away keeps nobody after that.
  await running;
  await withinMs(CLOSE_MS, worker.close());
  connection.disconnect();
}
