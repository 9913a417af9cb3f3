// One line that is redrawn while something lasts; on a log, a line every ten seconds.
import { createLogUpdate } from 'log-update';
import { bar } from '../progress/liveView.ts';
import type { Terminal } from './terminal.ts';

export interface ProgressLine {
  show(what: string, done: number, total: number): void;
  /** Takes the line away. */
  end(): void;
}

const EVERY_MS = 10_000;

export function progressLine(terminal: Terminal, isShown: boolean): ProgressLine {
  if (!isShown) return { show: () => undefined, end: () => undefined };
  if (!terminal.isLive) {
    let last = Date.now();
    return {
      show(what, done, total) {
        if (Date.now() - last < EVERY_MS) return;
        last = Date.now();
        terminal.out(total > 0 ? `${what} ${Math.round((100 * done) / total)} %` : what);
      },
      end: () => undefined,
    };
  }
  const screen = createLogUpdate(process.stdout, { showCursor: true });
  return {
    show: (what, done, total) => {
      screen(total > 0 ? `${what}  ${bar(done, total)}  ${Math.round((100 * done) / total)} %` : `${what} …`);
    },
    end: () => {
      screen.clear();
    },
  };
}
