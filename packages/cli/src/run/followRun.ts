// Subscribes to a run, tells it, and stands between the run and signals.
import type { EventOf, PipelineEvent } from '@likeness/core';
import type { Reporter } from '../progress/reporters.ts';
import { stopOnSignals } from '../terminal/stopping.ts';
import { colours } from '../terminal/terminal.ts';

/** The part of an Observable that is needed here. */
interface Subscribable {
  subscribe(observer: {
    next: (event: PipelineEvent) => void;
    error: (error: unknown) => void;
    complete: () => void;
  }): unknown;
}

/** Runs until the run has ended, and returns how: its last event. Errors of the run are thrown. */
export async function followRun(
  runWith: (signal: AbortSignal) => Subscribable,
  reporter: Reporter,
): Promise<EventOf<'run-finished' | 'run-interrupted'> | undefined> {
  const stopping = stopOnSignals({
    onStop: () => {
      const again = 'Ctrl-C again to stop at once';
      reporter.note(colours.yellow(`finishing the step, writing a checkpoint; ${again}`));
    },
    atOnce: () => {
      reporter.close();
    },
  });
  let last: EventOf<'run-finished' | 'run-interrupted'> | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      runWith(stopping.signal).subscribe({
        next: (event) => {
          if (event.type === 'run-finished' || event.type === 'run-interrupted') last = event;
          reporter.event(event);
        },
        error: reject,
        complete: resolve,
      });
    });
  } finally {
    stopping.forget();
    reporter.close();
  }
  return last;
}
