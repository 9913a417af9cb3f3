// Words that plugins add to the vocabulary. Before they are attached the tokenizer does not know them, and one of many
// vectors fills much of a prompt.
import type { Contributions } from '../plugins/definePlugin.ts';

/** Number of tokens by word. */
export type NewWords = ReadonlyMap<string, number>;

/** The words of a run's plugins. */
export function newWordsOf(
  plugins: readonly { readonly contributions: Pick<Contributions, 'newWords' | 'prompts'> }[],
): NewWords {
  return new Map(
    plugins.flatMap(({ contributions: { prompts, newWords = {} } }) => {
      // Whoever calls the subject something else and says no more means one token.
      const called: [string, number][] = prompts?.identifier === undefined ? [] : [[prompts.identifier, 1]];
      return [...called, ...Object.entries(newWords)];
    }),
  );
}

/** A text of as many tokens as this one will have: a known word stands in for each token of a new one. */
export function withStandIns(text: string, newWords: NewWords): string {
  let stands = text;
  for (const [word, tokens] of newWords)
    if (word !== '')
      stands = stands.replaceAll(word, () => ` ${Array.from({ length: tokens }, () => 'x').join(' ')} `);
  return stands.trim();
}
