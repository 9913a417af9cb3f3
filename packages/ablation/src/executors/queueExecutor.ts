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
import { connectRedis, QUEUE_NAME } from './redis.ts';
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
    const { worker, event } = data as unknown as JobProgress;
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

  const answerOf = async (task: CellTask): Promise<JobAnswer> => {
    // A job of this id that another matrix has asked for is the same job.
    const job = await queue.add('cell', task, { jobId: task.id, removeOnComplete: true, removeOnFail: true });
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      return await Promise.race([job.waitUntilFinished(events), stopped]);
    } catch (error) {
      if (signal.aborted) {
        // Somebody who has begun goes on: the result is there another time.
        await job.remove().catch(() => undefined);
        throw error;
      }
      return { failure: interruption(error instanceof Error ? error.message : String(error)) };
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
        const answer = await answerOf(task);
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
      await Promise.allSettled([events.close(), queue.close()]);
      connection.disconnect();
      listening.disconnect();
    },
  };
}
