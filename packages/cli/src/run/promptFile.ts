// Prompts from the command line and from a file, one a line.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { ConfigError, withFileErrors } from '@likeness/core';

export interface PromptSources {
  readonly prompt?: readonly string[];
  /** A path, or `-` for stdin. */
  readonly promptFile?: string;
}

/**
 * Typed ones first; empty lines are left out.
 * @throws ConfigError when there are none; FileError for a file that cannot be read
 */
export async function promptTexts({ prompt = [], promptFile }: PromptSources): Promise<string[]> {
  const lines = promptFile === undefined ? [] : (await readText(promptFile)).split('\n');
  const texts = [...prompt, ...lines.map((line) => line.trim()).filter(Boolean)];
  if (texts.length > 0) return texts;
  throw new ConfigError('nothing says what to show', {
    code: 'usage/no-prompt',
    expected: '--prompt TEXT or --prompt-file FILE',
    ...(promptFile === undefined ? {} : { got: `${promptFile} without a line of text` }),
  });
}

async function readText(path: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  return withFileErrors(path, () => readFile(path, 'utf8'));
}
