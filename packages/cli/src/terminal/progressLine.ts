// One line that is redrawn while something lasts; on a log, a line every ten seconds.
import { createLogUpdate } from 'log-update';
import { bar } from '../progress/liveView.ts';
import { formatSeconds } from './format.ts';
import type { Terminal } from './terminal.ts';

export interface ProgressLine {
  show(what: string, done: number, total: number): void;
  /** Takes the line away. */
  end(): void;
}

const EVERY_MS = 10_000;

export function progressLine(terminal: Terminal, isShown: boolean): ProgressLine {
  if (!isShown) return { show: () => undefined, end: () => undefined };
  const amount = progressAmount();
  if (!terminal.isLive) {
    let last = Date.now();
    return {
      show(what, done, total) {
        if (Date.now() - last < EVERY_MS) return;
        last = Date.now();
        terminal.out(total > 0 ? `${what} ${amount(what, done, total)}` : what);
      },
      end: () => undefined,
    };
  }
  const screen = createLogUpdate(process.stdout, { showCursor: true });
  return {
    show: (what, done, total) => {
      screen(total > 0 ? `${what}  ${bar(done, total)}  ${amount(what, done, total)}` : `${what} …`);
    },
    end: () => {
      screen.clear();
    },
  };
}

/** `45 %, 12 s left`: from how long what is shown has taken, once that has lasted two seconds. */
export function progressAmount(
  now: () => number = Date.now,
): (what: string, done: number, total: number) => string {
  let current = '';
  let startMs = 0;
  let doneAtStart = 0;
  return (what, done, total) => {
    if (what !== current) [current, startMs, doneAtStart] = [what, now(), done];
    const seconds = (now() - startMs) / 1000;
    const percent = `${Math.round((100 * done) / total)} %`;
    const since = done - doneAtStart;
    return seconds < 2 || since <= 0 || done >= total
      ? percent
      : `${percent}, ${formatSeconds((seconds * (total - done)) / since)} left`;
  };
}
