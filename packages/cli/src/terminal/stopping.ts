// SIGINT (Ctrl-C), SIGTERM and SIGHUP, for every command that lasts: the first lets the work come to a good end, a second
// Ctrl-C ends the process.
import { constants } from 'node:os';
import { killEngines } from '@likeness/core';

/** In batch systems and service managers the same stop may come twice: to the process, and to its group. */
const SAME_STOP_MS = 1000;
/** What an engine computes may last minutes; where nothing would be lost it is given this long. */
const PATIENCE_MS = 1000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type StopSignal = (typeof SIGNALS)[number];

export interface StoppingOptions {
  /** Says what happens now, for the first signal. */
  readonly onStop?: () => void;
  /** What else to do before the process ends at a second signal; its engines are ended in any case. */
  readonly atOnce?: () => void;
  /** Nothing is lost when the engines end: a call that lasts, such as a compile, is not waited for. */
  readonly nothingToLose?: boolean;
}

export interface Stopping {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Signals do again what they do without. */
  forget(): void;
}

let stoppedBy: StopSignal | undefined;
let isLasting = false;

/** Listens for signals until told to forget them. From here on the process outlives whoever read its output. */
export function stopOnSignals({ onStop, atOnce, nothingToLose = false }: StoppingOptions = {}): Stopping {
  isLasting = true;
  const stop = new AbortController();
  let firstAt = 0;
  let patience: NodeJS.Timeout | undefined;
  const hear = (signal: StopSignal): void => {
    // Under nohup or as a service nobody hangs up; Node has taken away that the signal was ignored.
    if (signal === 'SIGHUP' && !hasTerminal()) return;
    if (!stop.signal.aborted) {
      stoppedBy ??= signal;
      firstAt = performance.now();
      onStop?.();
      stop.abort(new Error('stopped'));
      if (nothingToLose) patience = setTimeout(killEngines, PATIENCE_MS);
      return;
    }
    const isSameStop = signal === 'SIGTERM' && performance.now() - firstAt < SAME_STOP_MS;
    if (signal === 'SIGHUP' || isSameStop) return;
    killEngines();
    atOnce?.();
    process.exit(stoppedExitCode());
  };
  for (const signal of SIGNALS) process.on(signal, hear);
  return {
    signal: stop.signal,
    forget: () => {
      clearTimeout(patience);
      for (const signal of SIGNALS) process.off(signal, hear);
    },
  };
}

/** 128 + the signal that stopped this process, as shells number it; undefined when none has. */
export function stoppedExitCode(): 129 | 130 | 143 | undefined {
  return stoppedBy && ((128 + constants.signals[stoppedBy]) as 129 | 130 | 143);
}

/** Whether this process does what lasts: it goes on when nobody reads its output any more. */
export const outlivesItsReader = (): boolean => isLasting;

const hasTerminal = (): boolean => process.stdout.isTTY || process.stderr.isTTY;
