// Where output goes. Results and progress go to stdout, warnings and errors to stderr.
import picocolors from 'picocolors';

export interface Terminal {
  /** Writes a line to stdout. */
  readonly out: (line: string) => void;
  /** Writes a line to stderr. */
  readonly err: (line: string) => void;
  /** A person looks at stdout and it can be redrawn. */
  readonly isLive: boolean;
}

/**
 * NO_COLOR, FORCE_COLOR, --color, --no-color and whether stdout is a terminal decide. (picocolors alone colours
 * whatever runs where CI is set, files and pipes too.)
 */
export const colours: ReturnType<typeof picocolors.createColors> = picocolors.createColors(
  picocolors.isColorSupported &&
    (process.stdout.isTTY || 'FORCE_COLOR' in process.env || process.argv.includes('--color')),
);

/** The terminal of this process. */
export function processTerminal(): Terminal {
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    isLive: process.stdout.isTTY && !process.env['CI'] && process.env['TERM'] !== 'dumb',
  };
}

/** Columns of the terminal; a usual width where nobody knows. */
export function columnsOf(stream: NodeJS.WriteStream = process.stdout): number {
  return stream.columns ?? 100;
}
