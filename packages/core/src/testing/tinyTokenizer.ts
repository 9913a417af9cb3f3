// Words to ids by a hash: every text has ids, and no vocabulary has to be kept.
import type { Tokenizer } from '../contracts.ts';
import { MAX_TOKENS, VOCABULARY } from './tinyNetworks.ts';

const START = 0;
const END = 1;

/** FNV-1a into the ids after the two special ones. */
function idOf(word: string): number {
  let hash = 0x811c9dc5;
  for (const letter of word) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return 2 + ((hash >>> 0) % (VOCABULARY - 2));
}

const encode = (text: string): number[] => text.toLowerCase().split(/\s+/).filter(Boolean).map(idOf);

export const tinyTokenizer: Tokenizer = {
  modelMaxLength: MAX_TOKENS,
  encode,
  encodePadded: (text) => {
    const ids = [START, ...encode(text).slice(0, MAX_TOKENS - 2), END];
    return Int32Array.from({ length: MAX_TOKENS }, (_, i) => ids[i] ?? END);
  },
};
