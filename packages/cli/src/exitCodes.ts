// What the command tells the shell, and how it tells people what went wrong.
import { ConfigError, LikenessError } from '@likeness/core';
import { colours, type Terminal } from './terminal/terminal.ts';

export const EXIT = {
  ok: 0,
  error: 1,
  /** Flags, settings or recipes that cannot work: nothing was started. */
  usage: 2,
  /** Ctrl-C, as shells number it: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Tells an error: one of ours by its message, anything else as the bug it is. */
export function tellError(error: unknown, { err }: Pick<Terminal, 'err'>): ExitCode {
  if (error instanceof LikenessError) {
    const [summary = '', ...rest] = error.message.split('\n');
    err(
      `${colours.red(`${colours.bold('error:')} ${summary}`)}${rest.map((line) => `\n${dressed(line)}`).join('')}`,
    );
    return error instanceof ConfigError ? EXIT.usage : EXIT.error;
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

/** `  cure: …` stands out: it is what to do. */
function dressed(line: string): string {
  return line.startsWith('  cure: ') ? `  ${colours.green('cure:')} ${line.slice('  cure: '.length)}` : line;
}
