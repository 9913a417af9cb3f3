// Words to ids by a hash: every text has ids, and no vocabulary has to be kept.
import type { Tokenizer } from '../contracts.ts';
import { ConfigError } from '../errors.ts';
import { expandPlaceholder, placeholderTokens } from '../model/placeholder.ts';
import { MAX_TOKENS, VOCABULARY } from './tinyNetworks.ts';

const START = 0;
const END = 1;

/** FNV-1a into the ids after the two special ones. */
function idOf(word: string): number {
  let hash = 0x811c9dc5;
  for (const letter of word) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return 2 + ((hash >>> 0) % (VOCABULARY - 2));
}

export function createTinyTokenizer(): Tokenizer {
  const placeholders: (readonly string[])[] = [];
  const added = new Map<string, number>();
  const encode = (text: string): number[] =>
    placeholders
      .reduce(expandPlaceholder, text)
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => added.get(word) ?? idOf(word.toLowerCase()));
  return {
    modelMaxLength: MAX_TOKENS,
    encode,
    encodePadded: (text) => {
      const ids = [START, ...encode(text).slice(0, MAX_TOKENS - 2), END];
      return Int32Array.from({ length: MAX_TOKENS }, (_, i) => ids[i] ?? END);
    },
    addPlaceholder(word, vectors) {
      const tokens = placeholderTokens(word, vectors);
      const known = tokens.filter((token) => added.has(token));
      if (known.length > 0)
        throw new ConfigError('these are tokens already', { code: 'tokenizer/known-word', details: known });
      const first = [...added.values()].reduce((next, id) => Math.max(next, id + 1), VOCABULARY);
      placeholders.push(tokens);
      tokens.forEach((token, i) => added.set(token, first + i));
      const remove = (): void => {
        placeholders.splice(placeholders.indexOf(tokens), 1);
        for (const token of tokens) added.delete(token);
      };
      return { tokens, ids: tokens.map((_, i) => first + i), remove };
    },
  };
}
