// Four ways of telling a run: redrawn lines, plain lines, JSON, and hardly at all.
import type { PipelineEvent, Warning } from '@likeness/core';
import { createLogUpdate } from 'log-update';
import { displayPath } from '../terminal/format.ts';
import { colours, columnsOf, type Terminal } from '../terminal/terminal.ts';
import { liveView } from './liveView.ts';
import { plainLines } from './plainLines.ts';
import { advance, NOTHING_YET, type RunProgress } from './runProgress.ts';

export type ReportStyle = 'live' | 'plain' | 'json' | 'quiet';

export interface Reporter {
  event(event: PipelineEvent): void;
  /** A line for the person in front of it, not part of the run. */
  note(line: string): void;
  /** Leaves the terminal as it should stay; nothing is told afterwards. */
  close(): void;
}

export function createReporter(style: ReportStyle, terminal: Terminal): Reporter {
  switch (style) {
    case 'live':
      return liveReporter(terminal);
    case 'plain':
      return plainReporter(terminal);
    case 'json':
      return jsonReporter(terminal);
    case 'quiet':
      return quietReporter(terminal);
  }
}

const REDRAW_MS = 120;

function liveReporter(terminal: Terminal): Reporter {
  // The cursor stays visible: a process that is killed could not give it back.
  const screen = createLogUpdate(process.stdout, { showCursor: true });
  let progress: RunProgress = NOTHING_YET;
  let frame = 0;
  const draw = (): void => {
    screen(liveView(progress, { columns: columnsOf(), frame: frame++ }).join('\n'));
  };
  const timer = setInterval(draw, REDRAW_MS);
  // The run decides how long the process lives, not its picture.
  timer.unref();
  const above = (write: () => void): void => {
    screen.clear();
    write();
    draw();
  };
  return {
    event(event) {
      progress = advance(progress, event);
      if (event.type === 'warning') above(() => terminal.err(warningLine(event)));
    },
    note: (line) => above(() => terminal.err(line)),
    close() {
      clearInterval(timer);
      draw();
      screen.done();
    },
  };
}

function plainReporter(terminal: Terminal): Reporter {
  const linesOf = plainLines();
  return {
    event(event) {
      if (event.type === 'warning') terminal.err(warningLine(event));
      for (const line of linesOf(event)) terminal.out(line);
    },
    note: terminal.err,
    close: () => undefined,
  };
}

/** One event a line on stdout, and nothing else there. */
function jsonReporter(terminal: Terminal): Reporter {
  return {
    event: (event) => terminal.out(JSON.stringify(event)),
    note: terminal.err,
    close: () => undefined,
  };
}

/** Warnings, and in the end the run's folder: what a script needs. */
function quietReporter(terminal: Terminal): Reporter {
  return {
    event(event) {
      if (event.type === 'warning') terminal.err(warningLine(event));
      if (event.type === 'run-finished') terminal.out(displayPath(event.folder));
    },
    note: terminal.err,
    close: () => undefined,
  };
}

/** A warning, with its code for whoever looks it up. */
export function warningLine({ code, text }: Warning): string {
  return `${colours.yellow('warning')} ${text} ${colours.dim(`[${code}]`)}`;
}
