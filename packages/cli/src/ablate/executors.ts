// Who works cells off, by what was asked for.
import { fork, type ChildProcess } from 'node:child_process';
import {
  localExecutor,
  type Executor,
  type ExecutorReports,
  type MatrixEvent,
  type MatrixFolder,
} from '@likeness/ablation';
import { pipelineProgram } from '../pipelineProgram.ts';

export interface ExecutorFlags {
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

export async function executorFor(
  { workers, keepRuns, cacheDir }: ExecutorFlags,
  folder: MatrixFolder,
  signal: AbortSignal,
  peakMemoryBytes: number,
): Promise<Connected> {
  let emit: (event: MatrixEvent) => void = () => undefined;
  const reports: ExecutorReports = {
    started: (id, worker) => {
      emit({ type: 'cell-started', id, worker });
    },
    event: (id, event) => {
      emit({ type: 'cell-event', id, event });
    },
  };
  const connect: Connected['connect'] = (to) => {
    emit = to;
  };
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
