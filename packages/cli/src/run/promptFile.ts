// Prompts from the command line and from a file, one a line.
import { buffer } from 'node:stream/consumers';
import { ConfigError, decodeText, readTextFile } from '@likeness/core';

export interface PromptSources {
  readonly prompt?: readonly string[];
  /** A path, or `-` for stdin. */
  readonly promptFile?: string;
}

/**
 * Typed ones first; empty lines are left out.
 * @throws ConfigError when there are none; FileError for a file that cannot be read, DataError for another encoding
 */
export async function promptTexts({ prompt = [], promptFile }: PromptSources): Promise<string[]> {
  const texts = [...prompt, ...(promptFile === undefined ? [] : await linesOf(promptFile))];
  if (texts.length > 0) return texts;
  throw new ConfigError('nothing says what to show', {
    code: 'usage/no-prompt',
    expected: '--prompt TEXT or --prompt-file FILE',
    ...(promptFile === undefined ? {} : { got: `${promptFile} without a line of text` }),
  });
}

/**
 * Lines of a file people write, without the empty ones.
 * @param path or `-` for stdin
 */
export async function linesOf(path: string): Promise<string[]> {
  const text =
    path === '-' ? decodeText(await buffer(process.stdin), 'standard input') : await readTextFile(path);
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}
