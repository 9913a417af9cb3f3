// Runs one command line: prints what went wrong, returns the exit code, never lets an error through.
import { CommanderError } from 'commander';
import { errorLine, EXIT, tellError, type ExitCode } from './exitCodes.ts';
import { createProgram } from './program.ts';
import { stoppedExitCode } from './terminal/stopping.ts';
import { processTerminal, type Terminal } from './terminal/terminal.ts';

/**
 * @param words what stands behind the command's name
 * @returns 0 done, 1 error, 2 wrong usage; 130, 143 or 129 when stopped by Ctrl-C, SIGTERM or SIGHUP
 */
export async function main(
  words: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  try {
    const program = await createProgram(words, terminal, (result) => {
      code = result;
    });
    await program.parseAsync(words.length === 0 ? ['--help'] : [...words], { from: 'user' });
    // What was asked to stop and came to its end all the same was stopped: nothing that follows it should start.
    return code === EXIT.ok || code === EXIT.interrupted ? (stoppedExitCode() ?? code) : code;
  } catch (error) {
    const isUsage = error instanceof CommanderError;
    if (isUsage && error.exitCode === 0) return EXIT.ok;
    // Commander has told it.
    const exitCode = isUsage ? EXIT.usage : tellError(error, terminal);
    if (words.includes('--json')) terminal.out(errorLine(error));
    return exitCode;
  }
}
