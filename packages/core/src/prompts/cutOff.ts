// Where a text encoder stops reading.
import type { Tokenizer } from '../contracts.ts';
import type { Warning } from '../errors.ts';

/** Start and end of a text are tokens, too. */
const SPECIAL_TOKENS = 2;

export interface CutOff {
  /** Tokens of the text. */
  readonly tokens: number;
  /** Tokens that are read. */
  readonly read: number;
  /** The last words that are read, where the vocabulary can be read: `… on top of a`. */
  readonly endsWith?: string;
}

/** How many tokens of a text a model reads: `modelMaxLength` less start and end. */
export function tokensRead({ modelMaxLength }: Pick<Tokenizer, 'modelMaxLength'>): number {
  return modelMaxLength - SPECIAL_TOKENS;
}

/**
 * What of a text is not read; undefined when all of it is.
 * @param ids the text's tokens, where they are not simply those of the text
 */
export function cutOff(
  tokenizer: Pick<Tokenizer, 'encode' | 'modelMaxLength' | 'vocabulary'>,
  text: string,
  ids: readonly number[] = tokenizer.encode(text),
): CutOff | undefined {
  const read = tokensRead(tokenizer);
  if (ids.length <= read) return undefined;
  const { vocabulary } = tokenizer;
  if (vocabulary === undefined) return { tokens: ids.length, read };
  const kept = ids.slice(0, read).map((id) => {
    const token = vocabulary.token(id);
    return token === undefined ? '' : token.text + (token.endsWord ? ' ' : '');
  });
  return { tokens: ids.length, read, endsWith: kept.join('').trim().split(' ').slice(-4).join(' ') };
}

/** `"…" has 30 tokens, and the model reads 22: what follows "… in front of a" is cut off` */
export function cutOffWarning(what: string, text: string, { tokens, read, endsWith }: CutOff): Warning {
  const after = endsWith === undefined ? 'the rest' : `what follows "… ${endsWith}"`;
  return {
    code: 'prompt/too-long',
    text: `${what} is too long: "${text}" has ${tokens} tokens, the model reads ${read}, and ${after} is cut off`,
  };
}
