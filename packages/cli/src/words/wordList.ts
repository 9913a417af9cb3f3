// Whether a text is a word to people: English words, and what nobody wants to read in a prompt.
import { readFile } from 'node:fs/promises';
import { cuss } from 'cuss';
import wordListPath from 'word-list';

/** Reads the list (274,000 words) once and tells for any lower-case text. Single letters are words of their own. */
export async function readWordList(): Promise<(text: string) => boolean> {
  const words = new Set((await readFile(wordListPath, 'utf8')).split('\n'));
  return (text) => text.length === 1 || words.has(text) || isRude(text);
}

/** Rude words, also with a vowel left out: of those only what is rude for certain (2 of 2 in `cuss`). */
function isRude(text: string): boolean {
  if (Object.hasOwn(cuss, text)) return true;
  const places = Array.from({ length: text.length + 1 }, (_, at) => at);
  return places.some((at) =>
    [...'aeiou'].some((vowel) => cuss[text.slice(0, at) + vowel + text.slice(at)] === 2),
  );
}
