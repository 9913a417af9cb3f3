// What a worker process and its parent say to each other.
import type { PipelineEvent } from '@likeness/core';
import type { CellTiming } from '../cells/cellWork.ts';
import type { Failure } from '../cells/failure.ts';
import type { CellTask } from './executor.ts';

/** Where a worker works, told once. */
export interface Workplace {
  readonly runsFolder: string;
  readonly cacheDir?: string | undefined;
  readonly keepRuns?: boolean | undefined;
}

export type ToWorker =
  | { readonly type: 'run'; readonly task: CellTask; readonly place: Workplace }
  /** Finish the step, keep a checkpoint, end. */
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly id: string; readonly event: PipelineEvent }
  | { readonly type: 'done'; readonly id: string; readonly timing?: CellTiming | undefined }
  | { readonly type: 'failed'; readonly id: string; readonly failure: Failure }
  | { readonly type: 'stopped'; readonly id: string };
