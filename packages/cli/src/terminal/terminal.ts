// Where output goes. Results and progress go to stdout, warnings and errors to stderr.
import picocolors from 'picocolors';
import { outlivesItsReader } from './stopping.ts';

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
  const isLive = process.stdout.isTTY && !process.env['CI'] && process.env['TERM'] !== 'dumb';
  return { out: printer(process.stdout), err: printer(process.stderr), isLive };
}

/** Printing ends when nobody reads any more (`| head`), the terminal is gone or the disk behind it is full. */
function printer(stream: NodeJS.WriteStream): (line: string) => void {
  let isOpen = true;
  const fail = (error: unknown): void => {
    isOpen = false;
    // What lasts goes on to its end and has its usual exit code. What only prints has nothing left to do.
    if (stream === process.stdout && !outlivesItsReader()) process.exit(isReaderGone(error) ? 0 : 1);
  };
  stream.on('error', fail);
  return (line) => {
    if (!isOpen) return;
    try {
      stream.write(`${line}\n`);
    } catch (error) {
      fail(error); // a file, which is written at once
    }
  };
}

const isReaderGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE';

/** Columns of the terminal; a usual width where nobody knows. */
export function columnsOf(stream: NodeJS.WriteStream = process.stdout): number {
  return stream.columns ?? 100;
}
