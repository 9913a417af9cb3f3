// Subscribes to a run, tells it, and stands between the run and Ctrl-C.
import type { EventOf, PipelineEvent } from '@likeness/core';
import type { Reporter } from '../progress/reporters.ts';
import { colours } from '../terminal/terminal.ts';

/** The part of an Observable that is needed here. */
interface Subscribable {
  subscribe(observer: {
    next: (event: PipelineEvent) => void;
    error: (error: unknown) => void;
    complete: () => void;
  }): unknown;
}

export interface FollowOptions {
  readonly reporter: Reporter;
  /** Aborted by the first Ctrl-C: the run ends after its step and tells its last events. */
  readonly stop: AbortController;
  /** Ends every engine process at once; for the second Ctrl-C. */
  readonly kill: () => void;
}

/** Runs until the run has ended, and returns how: its last event. Errors of the run are thrown. */
export async function followRun(
  run: Subscribable,
  { reporter, stop, kill }: FollowOptions,
): Promise<EventOf<'run-finished' | 'run-interrupted'> | undefined> {
  const forget = onInterrupt(
    () => {
      const again = 'Ctrl-C again to stop at once';
      reporter.note(colours.yellow(`finishing the step, writing a checkpoint; ${again}`));
      stop.abort();
    },
    () => {
      kill();
      reporter.close();
      process.exit(130);
    },
  );
  let last: EventOf<'run-finished' | 'run-interrupted'> | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      run.subscribe({
        next: (event) => {
          if (event.type === 'run-finished' || event.type === 'run-interrupted') last = event;
          reporter.event(event);
        },
        error: reject,
        complete: resolve,
      });
    });
  } finally {
    forget();
    reporter.close();
  }
  return last;
}

/** Calls `first` for the first SIGINT or SIGTERM and `second` for the next. @returns how to stop listening */
export function onInterrupt(first: () => void, second: () => void): () => void {
  let times = 0;
  const heard = (): void => {
    times += 1;
    if (times === 1) first();
    else second();
  };
  process.on('SIGINT', heard);
  process.on('SIGTERM', heard);
  return () => {
    process.off('SIGINT', heard);
    process.off('SIGTERM', heard);
  };
}
