// Who works cells off: processes of this machine, or workers anywhere that take them from a queue.
import type { PipelineEvent, Warning } from '@likeness/core';
import type { CellRequest, CellTiming, PreparedCell } from '../cells/cellWork.ts';
import type { Failure } from '../cells/failure.ts';

/** What a worker is given. */
export interface CellTask {
  readonly id: string;
  readonly request: CellRequest;
  /** What the id is made of: a worker that would make something else says what differs. */
  readonly parts: PreparedCell['parts'];
}

/** What is known of a worker while it works. */
export interface WorkerState {
  readonly name: string;
  readonly cell: string | undefined;
}

export interface Executor {
  /** How many cells are worked on at the same time, at most. */
  readonly width: number;
  /**
   * Has a cell worked off; its result is in the store then.
   * @returns what it took; undefined when the result was made by somebody else meanwhile
   * @throws CellFailed; the signal's reason when stopped
   */
  submit(task: CellTask): Promise<CellTiming | undefined>;
  workers(): readonly WorkerState[];
  close(): Promise<void>;
}

/** What an executor tells while cells are worked on. */
export interface ExecutorReports {
  readonly started: (id: string, worker: string) => void;
  readonly event: (id: string, event: PipelineEvent) => void;
  /** Something about the queue, not about a cell. */
  readonly warning: (warning: Warning) => void;
}

export class CellFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.name = 'CellFailed';
    this.failure = failure;
  }
}

/** Events worth their way from a worker: the rest stands in the run's own log. */
export function isTold({ type }: PipelineEvent): boolean {
  return (
    type === 'step' ||
    type === 'stage-started' ||
    type === 'prior-image' ||
    type === 'warning' ||
    type === 'progress'
  );
}
