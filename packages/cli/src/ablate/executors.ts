// Who works cells off, by what was asked for.
import { fork, type ChildProcess } from 'node:child_process';
import {
  localExecutor,
  openBlobStore,
  queueExecutor,
  type CellStore,
  type Executor,
  type ExecutorReports,
  type MatrixEvent,
  type MatrixFolder,
} from '@likeness/ablation';
import { ConfigError } from '@likeness/core';
import { USUAL_REDIS } from './defaults.ts';
import { pipelineProgram } from '../pipelineProgram.ts';

export interface ExecutorFlags {
  readonly executor: 'local' | 'bullmq';
  readonly redis?: string;
  readonly store?: string;
  readonly workers: number;
  readonly keepRuns?: boolean;
  readonly cacheDir?: string;
}

export interface Connected {
  readonly executor: Executor;
  /** Says who is told of what the executor reports. */
  readonly connect: (emit: (event: MatrixEvent) => void) => void;
  /** Ends everything this process started at once. */
  readonly kill: () => void;
}

export interface ExecutorSetting {
  readonly folder: MatrixFolder;
  readonly store: CellStore;
  readonly signal: AbortSignal;
  /** Of a cell, measured at an earlier time; 0: never. */
  readonly peakMemoryBytes: number;
}

/** @throws ConfigError for flags that do not go together; DataError when Redis does not answer */
export async function executorFor(flags: ExecutorFlags, setting: ExecutorSetting): Promise<Connected> {
  const { workers, keepRuns, cacheDir } = flags;
  const { folder, store, signal, peakMemoryBytes } = setting;
  refuseForeign(flags);
  let emit: (event: MatrixEvent) => void = () => undefined;
  const reports: ExecutorReports = {
    started: (id, worker) => {
      emit({ type: 'cell-started', id, worker });
    },
    event: (id, event) => {
      emit({ type: 'cell-event', id, event });
    },
    warning: (warning) => {
      emit({ type: 'warning', ...warning });
    },
  };
  const connect: Connected['connect'] = (to) => {
    emit = to;
  };
  if (flags.executor === 'bullmq') {
    const blobs = await openBlobStore(flags.store ?? '');
    const redisUrl = flags.redis ?? USUAL_REDIS;
    const executor = await queueExecutor({ redisUrl, blobs, store, reports, signal });
    return { executor, connect, kill: () => undefined };
  }
  const children = new Set<ChildProcess>();
  const executor = localExecutor({
    workers,
    spawn: () => {
      const child = fork(pipelineProgram, ['worker', '--of-this-process'], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    place: { runsFolder: folder.runsFolder, cacheDir, keepRuns },
    reports,
    signal,
    ...(peakMemoryBytes > 0 ? { peakMemoryBytes } : {}),
  });
  return {
    executor,
    connect,
    kill: () => {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

function refuseForeign({ executor, redis, store, keepRuns }: ExecutorFlags): void {
  const isQueue = executor === 'bullmq';
  const details = [
    ...(isQueue && store === undefined
      ? [
          '--store is needed: a folder that all machines see, or s3://BUCKET/PREFIX; results travel through it',
        ]
      : []),
    ...(isQueue && keepRuns ? ['--keep-runs: runs stay where their workers are'] : []),
    ...(!isQueue && redis !== undefined ? ['--redis needs --executor bullmq'] : []),
    ...(!isQueue && store !== undefined ? ['--store needs --executor bullmq'] : []),
  ];
  if (details.length > 0)
    throw new ConfigError('these flags do not go together', {
      code: 'usage/contradiction',
      where: 'flags',
      details,
    });
}
