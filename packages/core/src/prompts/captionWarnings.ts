// What is wrong with captions though they could be trained on.
import { basename } from 'node:path';
import type { DatasetItem } from '../data/dataset.ts';
import { listed, printable } from '../data/printable.ts';
import type { SubjectPrompts, Tokenizer } from '../contracts.ts';
import type { Warning } from '../errors.ts';
import { cutOff, cutOffWarning } from './cutOff.ts';
import { withStandIns, type NewWords } from './newWords.ts';

export interface CaptionsOfRun {
  readonly prompts: Pick<SubjectPrompts, 'identifier' | 'classNoun'>;
  readonly newWords: NewWords;
  readonly tokenizer: Pick<Tokenizer, 'encode' | 'modelMaxLength' | 'vocabulary'>;
}

type Captioned = Pick<DatasetItem, 'path' | 'caption'>;

/** Captions that the text encoder does not read to their end, and those that never name the subject. */
export function captionWarnings(
  items: readonly Captioned[],
  { prompts: { identifier }, newWords, tokenizer }: CaptionsOfRun,
): Warning[] {
  const captioned = items.flatMap(({ path, caption }) => (caption === undefined ? [] : [{ path, caption }]));
  const long = captioned.flatMap(({ path, caption }) => {
    const found = cutOff(tokenizer, withStandIns(caption, newWords));
    return found === undefined
      ? []
      : [cutOffWarning(`caption of ${printable(basename(path))}`, caption, found)];
  });
  // A method with a new word puts it before captions that lack it.
  if (identifier === undefined || newWords.has(identifier)) return long;
  const without = captioned.filter(({ caption }) => !saysWord(caption, identifier));
  if (without.length === 0) return long;
  const all = without.length === captioned.length;
  const which = all
    ? `none of the ${captioned.length} captions says "${identifier}"`
    : `${without.length} of ${captioned.length} captions do not say "${identifier}" (${listed(without.map(({ path }) => printable(basename(path))))})`;
  const then =
    all && captioned.length === items.length
      ? 'the word learns nothing, and prompts with it will not show the subject'
      : 'these pictures do not teach the word';
  const text = `${which}: ${then}; write it into them, as in "a photo of ${identifier} …", or train without captions (--no-captions)`;
  return [...long, { code: 'data/caption-without-identifier', text }];
}

/** As a word of its own, in capitals or not. */
function saysWord(caption: string, word: string): boolean {
  const text = caption.normalize('NFC').toLowerCase();
  const sought = word.normalize('NFC').toLowerCase();
  const isPartOfWord = (character: string | undefined): boolean => /[\p{L}\p{N}]/u.test(character ?? '');
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + 1))
    if (!isPartOfWord(text[at - 1]) && !isPartOfWord(text[at + sought.length])) return true;
  return false;
}
