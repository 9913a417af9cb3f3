// Cells through a queue on Redis (BullMQ), for workers on any machine. A cell is a job of the cell's id, so one asked for
// twice is worked off once; a worker that falls silent loses its cell to another; results come through a shared store.
import type { PipelineEvent } from '@likeness/core';
import type { CellStore } from '../cells/cellStore.ts';
import type { CellTiming } from '../cells/cellWork.ts';
import { interruption, type Failure } from '../cells/failure.ts';
import type { BlobStore } from './blobStore.ts';
import {
  CellFailed,
  type CellTask,
  type Executor,
  type ExecutorReports,
  type WorkerState,
} from './executor.ts';
import { readAnswer, readProgress } from './messages.ts';
import { connectRedis, QUEUE_NAME, watchRedis, withinMs } from './redis.ts';
import { fetchShared, hasShared } from './sharedResults.ts';

export interface QueueExecutorOptions {
  readonly redisUrl: string;
  /** Where results come from. */
  readonly blobs: BlobStore;
  readonly store: CellStore;
  readonly reports: ExecutorReports;
  /** Aborted: nothing more is waited for; cells that nobody has begun are taken back. */
  readonly signal: AbortSignal;
  readonly queueName?: string;
}

/** What a worker tells of a job. */
export interface JobProgress {
  readonly worker: string;
  readonly event?: PipelineEvent;
}

/** A worker's answer: failures are answers too, so that they come whole. */
export type JobAnswer = { readonly timing?: CellTiming | undefined } | { readonly failure: Failure };

/** Whether a queue still holds what was asked is looked up so often: events say it at once, when they come. */
const LOOK_EVERY_MS = 2000;
/** Answers are kept so long for whoever was away when they came. */
const KEEP_ANSWER_S = 3600;
/** Redis may be gone when everything is done. */
const CLOSE_MS = 3000;

/** So many workers are reckoned with when time is told and nobody has been seen. */
const USUAL_WIDTH = 1;

/** @throws DataError when Redis does not answer */
export async function queueExecutor(options: QueueExecutorOptions): Promise<Executor> {
  const { redisUrl, blobs, store, reports, signal, queueName = QUEUE_NAME } = options;
  // Loaded when there is a queue: most matrices have none.
  const { Queue, QueueEvents } = await import('bullmq');
  const connection = await connectRedis(redisUrl);
  const listening = connection.duplicate();
  listening.on('error', () => undefined);
  const queue = new Queue<CellTask, JobAnswer>(queueName, { connection });
  const events = new QueueEvents(queueName, { connection: listening });
  queue.on('error', () => undefined);
  events.on('error', () => undefined);
  await events.waitUntilReady();

  const working = new Map<string, string>();
  const seen = new Set<string>();
  const asked = new Set<string>();
  events.on('progress', ({ jobId, data }) => {
    if (!asked.has(jobId)) return;
    const said = progressOf(data);
    if (said === undefined) return;
    const { worker, event } = said;
    seen.add(worker);
    if (working.get(jobId) !== worker) {
      working.set(jobId, worker);
      reports.started(jobId, worker);
    }
    if (event) reports.event(jobId, event);
  });

  const bring = async (task: CellTask): Promise<void> => {
    await store.take(task, (folder) => fetchShared(blobs, task.id, folder));
  };

  const unwatch = watchRedis([connection, listening], redisUrl, reports.warning);
  const ended = new Map<string, () => void>();
  const wake = ({ jobId }: { readonly jobId: string }): void => ended.get(jobId)?.();
  events.on('completed', wake);
  events.on('failed', wake);

  const put = (task: CellTask): Promise<unknown> =>
    // A job of this id that another matrix has asked for is the same job.
    queue.add('cell', task, {
      jobId: task.id,
      removeOnComplete: { age: KEEP_ANSWER_S },
      removeOnFail: { age: KEEP_ANSWER_S },
    });

  /**
   * Waits for the answer. A queue that has lost the job (Redis came back without what it held) is given it again, unless
   * its result has come to the store meanwhile.
   */
  const answerOf = async (task: CellTask): Promise<JobAnswer> => {
    const before = await queue.getJob(task.id);
    // Of an earlier attempt.
    if ((await before?.isCompleted()) || (await before?.isFailed())) await before?.remove();
    await put(task);
    for (;;) {
      await changed(task.id);
      if (signal.aborted) throw signal.reason;
      const job = await queue.getJob(task.id);
      if (job === undefined) {
        if (await hasShared(blobs, task.id)) return {};
        reports.warning({
          code: 'ablation/queue-lost-cells',
          text: `the queue has lost cell ${task.id.slice(0, 12)}; it is put back`,
        });
        await put(task);
      } else if (await job.isCompleted()) {
        const answer = readAnswer(job.returnvalue);
        await job.remove().catch(() => undefined);
        return answer;
      } else if (await job.isFailed()) {
        await job.remove().catch(() => undefined);
        return { failure: interruption(job.failedReason) };
      }
    }
  };

  /** Until something is said of a job, or it is time to look. */
  const changed = (id: string): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        ended.delete(id);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, LOOK_EVERY_MS);
      ended.set(id, done);
      signal.addEventListener('abort', done, { once: true });
    });

  /** The answer, or the reason to stop: a queue that does not answer keeps nobody. */
  const answerUnlessStopped = async (task: CellTask): Promise<JobAnswer> => {
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      return await Promise.race([answerOf(task), stopped]);
    } catch (error) {
      // Somebody who has begun goes on: the result is there another time.
      if (signal.aborted) await withinMs(CLOSE_MS, queue.remove(task.id));
      throw error;
    }
  };

  return {
    get width() {
      return Math.max(USUAL_WIDTH, seen.size);
    },
    submit: async (task) => {
      signal.throwIfAborted();
      if (await hasShared(blobs, task.id)) {
        await bring(task);
        return undefined;
      }
      asked.add(task.id);
      try {
        const answer = await answerUnlessStopped(task);
        if ('failure' in answer) throw new CellFailed(answer.failure);
        await bring(task);
        return answer.timing;
      } finally {
        asked.delete(task.id);
        working.delete(task.id);
      }
    },
    workers: (): readonly WorkerState[] => {
      const busy = new Map([...working].map(([cell, worker]) => [worker, cell]));
      return [...seen].map((name) => ({ name, cell: busy.get(name) }));
    },
    close: async () => {
      unwatch();
      await withinMs(CLOSE_MS, Promise.allSettled([events.close(), queue.close()]));
      connection.disconnect();
      listening.disconnect();
    },
  };
}

/** What nobody can read is no progress. */
function progressOf(data: unknown): JobProgress | undefined {
  try {
    return readProgress(data);
  } catch {
    return undefined;
  }
}
