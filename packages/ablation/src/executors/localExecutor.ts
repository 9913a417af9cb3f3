// Cells in processes of this machine, so many at a time as were asked for and as memory has room for. A process that
// dies takes its cell with it into the next one, which goes on from the last checkpoint.
import type { ChildProcess } from 'node:child_process';
import { interruption } from '../cells/failure.ts';
import type { CellTiming } from '../cells/cellWork.ts';
import { CellFailed, type CellTask, type Executor, type ExecutorReports } from './executor.ts';
import { once } from './once.ts';
import { memoryBudget, type MemoryBudget } from './memoryBudget.ts';
import { readFromWorker } from './messages.ts';
import type { FromWorker, ToWorker, Workplace } from './protocol.ts';

export interface LocalExecutorOptions {
  /** At most. */
  readonly workers: number;
  /** Starts a process that serves cells, with a channel to it (`fork`). */
  readonly spawn: () => ChildProcess;
  readonly place: Workplace;
  readonly reports: Pick<ExecutorReports, 'started' | 'event'>;
  /** Aborted: workers end their steps, keep checkpoints and go. */
  readonly signal: AbortSignal;
  /** What is known of the memory a cell takes, before one was measured here. */
  readonly peakMemoryBytes?: number | undefined;
  /** For tests. */
  readonly memory?: MemoryBudget;
}

interface Job {
  readonly task: CellTask;
  readonly resolve: (timing: CellTiming | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Worker {
  readonly name: string;
  readonly process: ChildProcess;
  job: Job | undefined;
  /** Of its engine, as last told; 0 before. */
  memoryBytes: number;
  readonly gone: Promise<void>;
}

export function localExecutor(options: LocalExecutorOptions): Executor {
  const { workers: width, spawn, place, reports, signal } = options;
  const memory = options.memory ?? memoryBudget(options.peakMemoryBytes);
  const queue: Job[] = [];
  const pool = new Set<Worker>();
  let number = 0;
  let isClosed = false;

  const busy = (): Worker[] => [...pool].filter(({ job }) => job !== undefined);

  const next = (): void => {
    while (queue.length > 0 && !signal.aborted && !isClosed) {
      const running = busy();
      if (running.length >= width || !memory.hasRoom(running.map(({ memoryBytes }) => memoryBytes))) return;
      const job = queue.shift();
      if (job === undefined) return;
      const worker = [...pool].find((candidate) => candidate.job === undefined) ?? start();
      worker.job = job;
      reports.started(job.task.id, worker.name);
      send(worker, { type: 'run', task: job.task, place });
    }
  };

  const start = (): Worker => {
    number += 1;
    const child = spawn();
    const gone = once();
    const worker: Worker = {
      name: `worker ${number}`,
      process: child,
      job: undefined,
      memoryBytes: 0,
      gone: gone.promise,
    };
    pool.add(worker);
    child.on('message', (message) => {
      try {
        hear(worker, readFromWorker(message));
      } catch (error) {
        const { job } = worker;
        worker.job = undefined;
        job?.reject(error);
        child.kill('SIGKILL');
      }
    });
    const lost = (why: string): void => {
      if (!pool.delete(worker)) return;
      gone.resolve();
      const { job } = worker;
      worker.job = undefined;
      if (job) job.reject(signal.aborted ? signal.reason : new CellFailed(interruption(why)));
      next();
    };
    child.on('exit', (code, killedBy) => {
      lost(`its process was ended by ${killedBy ?? `exit ${String(code)}`}`);
    });
    child.on('error', (error) => {
      lost(`its process could not be started: ${error.message}`);
    });
    return worker;
  };

  const hear = (worker: Worker, message: FromWorker): void => {
    const { job } = worker;
    if (message.type === 'ready' || job === undefined || message.id !== job.task.id) return;
    if (message.type === 'event') {
      reports.event(message.id, message.event);
      if (message.event.type === 'step') {
        worker.memoryBytes = message.event.memoryBytes;
        memory.measured(worker.memoryBytes);
      }
      return;
    }
    worker.job = undefined;
    worker.memoryBytes = 0;
    if (message.type === 'done') {
      memory.measured(message.timing?.peakMemoryBytes ?? 0);
      job.resolve(message.timing);
    } else job.reject(message.type === 'stopped' ? signal.reason : new CellFailed(message.failure));
    next();
  };

  const stop = (): void => {
    for (const { task: _task, reject } of queue.splice(0)) reject(signal.reason);
    for (const worker of pool) send(worker, { type: 'stop' });
  };
  signal.addEventListener('abort', stop, { once: true });
  // Memory comes free without anybody saying so.
  const again = setInterval(next, 2000);
  again.unref();

  return {
    width,
    submit: (task) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason as Error);
          return;
        }
        queue.push({ task, resolve, reject });
        next();
      }),
    workers: () => [...pool].map(({ name, job }) => ({ name, cell: job?.task.id })),
    close: async () => {
      isClosed = true;
      clearInterval(again);
      signal.removeEventListener('abort', stop);
      for (const worker of pool) send(worker, { type: 'stop' });
      await Promise.all([...pool].map(({ gone }) => gone));
    },
  };
}

function send({ process: child }: Worker, message: ToWorker): void {
  // A process that has just died says so itself.
  if (child.connected) child.send(message, () => undefined);
}
