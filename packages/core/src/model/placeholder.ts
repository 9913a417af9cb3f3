// Placeholders: words made up for something that is learned, like <my-cat>. One word may stand for several tokens, whose
// names and order are those of diffusers (loaders/textual_inversion.py), so that files and prompts mean the same there.

/** A placeholder that a tokenizer knows. */
export interface Placeholder {
  /** The word itself, then `WORD_1`, `WORD_2`, … */
  readonly tokens: readonly string[];
  /** One new id for each token. */
  readonly ids: readonly number[];
  /** Makes the tokenizer forget it. */
  remove(): void;
}

/** Names of the tokens of a placeholder with so many vectors. */
export function placeholderTokens(word: string, vectors: number): string[] {
  return Array.from({ length: vectors }, (_, i) => (i === 0 ? word : `${word}_${i}`));
}

/**
 * Writes all tokens of a placeholder where its word stands in a prompt: `a <cat>` → `a <cat> <cat>_1`. A word with some
 * of its tokens written out already stays as it is, and only the word's own spelling counts, as in diffusers.
 */
export function expandPlaceholder(prompt: string, tokens: readonly string[]): string {
  const [word = '', second] = tokens;
  if (second === undefined) return prompt;
  const pieces = prompt.split(word);
  return pieces
    .map((piece, i) => {
      if (i === pieces.length - 1) return piece;
      const rest = pieces[i + 1] ?? '';
      // What follows is part of a token that is written out: `_1`, or the word is the first of ` <cat>_1`.
      const nextToken = rest === ' ' && pieces[i + 2]?.startsWith('_1') === true;
      return piece + (/^_\d/.test(rest) || nextToken ? word : tokens.join(' '));
    })
    .join('');
}
