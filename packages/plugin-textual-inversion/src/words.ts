// Words that stand for learned vectors: what a file calls them, and what can be one.
import { WeightsError } from '@likeness/core';

/** Where `writeEmbedding` keeps the word of a file whose key does not say it. */
export const WORD_KEY = 'placeholder_token';

/** Keys that name a format or a text encoder, not a word. */
const KEYS_OF_FORMATS: ReadonlySet<string> = new Set([
  'emb_params', // A1111, kohya
  'clip_l', // ComfyUI, OneTrainer, kohya for SDXL: the text encoder's name
  '*', // the paper's own files, converted
  'string_to_param.*',
]);

export const isKeyOfFormat = (key: string): boolean => KEYS_OF_FORMATS.has(key);

/**
 * @param where it comes from, for messages
 * @throws WeightsError for what cannot stand in a prompt
 */
export function checkWord(word: string, where: string): void {
  if (word.trim() !== '' && !/\p{Cc}|\p{Cs}/u.test(word)) return;
  throw new WeightsError('the word of these vectors cannot stand in a prompt', {
    code: 'embedding/no-word',
    where,
    expected: 'a word such as <my-cat>',
    got: JSON.stringify(word.slice(0, 60)),
    hint: 'name another: FILE=WORD (pipeline generate), --token WORD (pipeline convert)',
  });
}

/** @throws WeightsError for no vectors, or vectors of nothing */
export function checkSize(vectors: number, width: number, where: string): void {
  if (vectors > 0 && width > 0) return;
  throw new WeightsError('no vectors in the file', {
    code: 'embedding/empty',
    where,
    expected: '[vectors, width], both above 0',
    got: `[${vectors}, ${width}]`,
    hint: 'get the file again, or train the word again',
  });
}
