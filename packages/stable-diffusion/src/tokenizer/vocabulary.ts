// The tokens of a byte-pair vocabulary, read backwards: what each stands for and how late its merge was learned.
// Merges are learned by frequency (Sennrich et al. 2016, arXiv 1508.07909), so a late one is a rare word.
import type { Vocabulary, VocabularyToken } from '@likeness/core';
import type { TokenizerDefinition } from './tokenizerFiles.ts';

const END_OF_WORD = '</w>';

/** Reads nothing before it is asked: most runs never do. */
export function createVocabulary(
  definition: Pick<TokenizerDefinition, 'vocab' | 'merges' | 'addedTokens'>,
): Vocabulary {
  let read: { byId: ReadonlyMap<number, VocabularyToken>; inOrder: readonly VocabularyToken[] } | undefined;
  const tokens = (): NonNullable<typeof read> => {
    if (read) return read;
    const inOrder = readTokens(definition);
    return (read = { inOrder, byId: new Map(inOrder.map((token) => [token.id, token])) });
  };
  return {
    token: (id) => tokens().byId.get(id),
    tokens: () => tokens().inOrder,
  };
}

function readTokens({
  vocab,
  merges,
  addedTokens,
}: Pick<TokenizerDefinition, 'vocab' | 'merges' | 'addedTokens'>): VocabularyToken[] {
  const rankOf = new Map(merges.map(([left, right], rank) => [left + right, rank + 1]));
  const isAdded = new Set(addedTokens.map(({ id }) => id));
  return Object.entries(vocab)
    .filter(([, id]) => !isAdded.has(id))
    .map(([token, id]) => {
      const endsWord = token.endsWith(END_OF_WORD) && token !== END_OF_WORD;
      const text = decodeBytes(endsWord ? token.slice(0, -END_OF_WORD.length) : token);
      return { id, token, text, endsWord, rarity: (rankOf.get(token) ?? 0) / Math.max(1, merges.length) };
    })
    .sort((a, b) => a.rarity - b.rarity || a.id - b.id);
}

/** Letters that stand for bytes, back to the bytes' text; half a letter of several bytes becomes �. */
function decodeBytes(token: string): string {
  const bytes = Array.from(token, (letter) => BYTE_OF_LETTER.get(letter));
  return bytes.every((byte) => byte !== undefined)
    ? new TextDecoder().decode(Uint8Array.from(bytes as number[]))
    : token;
}

/**
 * GPT-2's spelling of bytes (`bytes_to_unicode` in its encoder.py): printable ones are themselves, the others are the
 * letters from U+0100 on.
 */
const BYTE_OF_LETTER: ReadonlyMap<string, number> = (() => {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  const letters = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    letters.set(String.fromCodePoint(isPrintable(byte) ? byte : next++), byte);
  }
  return letters;
})();
