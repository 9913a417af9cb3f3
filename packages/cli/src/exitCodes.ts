// What the command tells the shell, and how it tells people what went wrong.
import { asFileError, ConfigError, LikenessError } from '@likeness/core';
import { CommanderError } from 'commander';
import { colours, type Terminal } from './terminal/terminal.ts';

export const EXIT = {
  ok: 0,
  error: 1,
  /** Flags, settings or recipes that cannot work: nothing was started. */
  usage: 2,
  /** Stopped by Ctrl-C, as shells number it: 128 + SIGINT. */
  interrupted: 130,
  /** Stopped because the terminal went away: 128 + SIGHUP. */
  hungUp: 129,
  /** Stopped by whoever manages processes: 128 + SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Tells an error: one of ours by its message, anything else as the bug it is. */
export function tellError(error: unknown, { err }: Pick<Terminal, 'err'>): ExitCode {
  const told = asFileError(error);
  if (told instanceof LikenessError) {
    const [summary = '', ...rest] = told.message.split('\n');
    err(
      `${colours.red(`${colours.bold('error:')} ${summary}`)}${rest.map((line) => `\n${dressed(line)}`).join('')}${colours.dim(`\n  code: ${told.code}`)}`,
    );
    return told instanceof ConfigError ? EXIT.usage : EXIT.error;
  }
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  err(
    colours.red(
      `${colours.bold('this is a bug')} in Likeness, not a mistake of yours. Please report it with what you typed and:`,
    ),
  );
  err(shown);
  return EXIT.error;
}

/** The last line of a stream of JSON that an error ended. A bug of ours has no kind: its code is `bug`. */
export function errorLine(error: unknown): string {
  return JSON.stringify({ type: 'error', ...factsOf(error) });
}

function factsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof CommanderError)
    return { code: 'usage/command-line', summary: error.message.replace(/^error: /, '') };
  const told = asFileError(error);
  if (told instanceof LikenessError) return told.toJSON();
  return { code: 'bug', summary: error instanceof Error ? error.message : String(error) };
}

/** `  hint: …` stands out: it is what to do. The code stands back: it is what to search for. */
function dressed(line: string): string {
  return line.startsWith('  hint: ') ? `  ${colours.green('hint:')} ${line.slice('  hint: '.length)}` : line;
}
