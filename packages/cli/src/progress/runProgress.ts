// What is known of a run while it goes: events folded into one state, which the views draw.
import type { EventOf, PipelineEvent, StageName } from '@likeness/core';
import { count, formatLoss } from '../terminal/format.ts';

export const STAGES: readonly StageName[] = ['dataset', 'prior', 'encoding', 'training', 'export'];

export interface StageProgress {
  readonly state: 'waiting' | 'running' | 'done';
  readonly seconds?: number;
  /** What came of it: `5 pictures at 64 px`. */
  readonly summary?: string;
}

/** Work inside a stage, or before the first one. */
export interface CurrentWork {
  /** `compiling`, `sampling`, a stage. */
  readonly what: string;
  readonly done: number;
  /** 0 when nobody can know. */
  readonly total: number;
  readonly unit: string;
  readonly secondsLeft?: number;
  readonly message?: string;
}

export interface RunProgress {
  readonly started?: EventOf<'run-started'>;
  readonly stages: Readonly<Record<StageName, StageProgress>>;
  readonly current?: CurrentWork;
  readonly step?: EventOf<'step'>;
  /** Of the last steps, oldest first. */
  readonly losses: readonly number[];
  readonly sheet?: string;
  /** Measured last. */
  readonly measures?: Readonly<Record<string, number>>;
  readonly checkpointStep?: number;
}

const KEPT_LOSSES = 240;

export const NOTHING_YET: RunProgress = {
  stages: {
    dataset: { state: 'waiting' },
    prior: { state: 'waiting' },
    encoding: { state: 'waiting' },
    training: { state: 'waiting' },
    export: { state: 'waiting' },
  },
  losses: [],
};

/** The state after an event. */
export function advance(progress: RunProgress, event: PipelineEvent): RunProgress {
  switch (event.type) {
    case 'run-started':
      return { ...progress, started: event };
    case 'stage-started':
      return withStage(idle(progress), event.stage, { state: 'running' });
    case 'stage-finished':
      return withStage(idle(progress), event.stage, { state: 'done', seconds: event.seconds });
    case 'progress':
      return { ...progress, current: { what: event.stage, ...event } };
    case 'dataset-loaded':
      return withStage(progress, 'dataset', { summary: datasetSummary(event) });
    case 'prior-image':
      return {
        ...withStage(progress, 'prior', { summary: `${event.total} class pictures` }),
        current: { what: 'prior', done: event.done, total: event.total, unit: 'pictures' },
      };
    case 'prior-reused':
      return withStage(progress, 'prior', { summary: `${event.pictures} class pictures, made before` });
    case 'compile-started':
      return {
        ...progress,
        current: { what: 'compiling', done: 0, total: 0, unit: '', message: event.function },
      };
    case 'compile-finished':
      return idle(progress);
    case 'step':
      return {
        ...withStage(idle(progress), 'training', {
          summary: `${event.step} steps, loss ${formatLoss(event.loss)}`,
        }),
        step: event,
        losses: [...progress.losses, event.loss].slice(-KEPT_LOSSES),
      };
    case 'checkpoint-saved':
      return { ...progress, checkpointStep: event.step };
    case 'samples-written':
      return { ...idle(progress), sheet: event.sheet };
    case 'measured':
      return { ...idle(progress), measures: event.measures };
    case 'early-stopped':
      return withStage(progress, 'training', { summary: `${event.step} steps, then ${event.reason}` });
    case 'exported':
      return withStage(progress, 'export', { summary: count(event.files.length, 'file') });
    case 'warning':
    case 'run-finished':
    case 'run-interrupted':
      return progress;
  }
}

function idle(progress: RunProgress): RunProgress {
  const { current: _current, ...rest } = progress;
  return rest;
}

function withStage(progress: RunProgress, stage: StageName, change: Partial<StageProgress>): RunProgress {
  return {
    ...progress,
    stages: { ...progress.stages, [stage]: { ...progress.stages[stage], ...change } },
  };
}

function datasetSummary({
  pictures,
  count = pictures.length,
  resolution,
  captions,
  masks,
}: EventOf<'dataset-loaded'>): string {
  const extras = [captions > 0 ? `${captions} captions` : '', masks > 0 ? `${masks} masks` : ''].filter(
    Boolean,
  );
  return [`${count} pictures at ${resolution} px`, ...extras].join(', ');
}
