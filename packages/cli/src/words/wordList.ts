// Whether a text is a word to people: English words, and what nobody wants to read in a prompt.
import { readFile } from 'node:fs/promises';
import { cuss } from 'cuss';
import wordListPath from 'word-list';

/** Reads the list (274,000 words) once and tells for any lower-case text. Single letters are words of their own. */
export async function readWordList(): Promise<(text: string) => boolean> {
  const words = new Set((await readFile(wordListPath, 'utf8')).split('\n'));
  return (text) => text.length === 1 || words.has(text) || Object.hasOwn(cuss, text);
}
