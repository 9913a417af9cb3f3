// Runs one command line: prints what went wrong, returns the exit code, never lets an error through.
import { CommanderError } from 'commander';
import { EXIT, tellError, type ExitCode } from './exitCodes.ts';
import { createProgram } from './program.ts';
import { processTerminal, type Terminal } from './terminal/terminal.ts';

/**
 * @param words what stands behind the command's name
 * @returns 0 done, 1 error, 2 wrong usage, 130 interrupted
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
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return tellError(error, terminal);
  }
}
