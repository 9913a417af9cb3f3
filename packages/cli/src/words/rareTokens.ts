// Identifiers for a subject: tokens of a vocabulary that mean nothing. As the DreamBooth paper looks them up for T5
// (arXiv 2208.12242, section 3.2: rare tokens of at most three characters); for CLIP's vocabulary, late in its merges.
import { RARE_FROM, type Tokenizer, type VocabularyToken } from '@likeness/core';

export const MAX_CHARACTERS = 3;

/**
 * Tokens that are rare, no words to people, of at most three letters a keyboard has, and that a text of them gives back
 * alone (only tokens that end a word do). The rarest first.
 */
export function rareTokens(
  { vocabulary, encode }: Pick<Tokenizer, 'vocabulary' | 'encode'>,
  isWord: (text: string) => boolean,
): VocabularyToken[] {
  const tokens = vocabulary?.tokens() ?? [];
  return tokens
    .filter(
      ({ id, text, rarity }) =>
        rarity >= RARE_FROM &&
        text.length <= MAX_CHARACTERS &&
        /^[a-z]+$/.test(text) &&
        !isWord(text) &&
        isOnly(id, encode(text)),
    )
    .reverse();
}

function isOnly(id: number, ids: readonly number[]): boolean {
  return ids.length === 1 && ids[0] === id;
}
