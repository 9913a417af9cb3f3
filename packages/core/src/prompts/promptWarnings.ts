// What is wrong with the words of a run though they could be trained: told before anything long starts.
import type { SubjectPrompts, Tokenizer } from '../contracts.ts';
import type { Warning } from '../errors.ts';
import { cutOff, cutOffWarning } from './cutOff.ts';
import { withStandIns, type NewWords } from './newWords.ts';

/** What is asked of a tokenizer here. */
export type Words = Pick<Tokenizer, 'encode' | 'modelMaxLength' | 'vocabulary'>;

/**
 * Tokens of the last tenth of the merges are rare. In CLIP's vocabulary `sks` (.974) and `ohwx` (.971) are among them,
 * and of the 2,942 words that American fourth-graders know (Dale and Chall 1995) 1 % of those that are one token.
 */
export const RARE_FROM = 0.9;

const HINT = 'pipeline tokens --rare lists words that mean nothing to the model';

export interface WordsOfRun {
  readonly prompts: SubjectPrompts;
  readonly samplePrompts: readonly string[];
  /** What plugins add to the vocabulary. */
  readonly newWords: NewWords;
}

/** Warnings about identifier and prompts, most important first. */
export function promptWarnings({ prompts, samplePrompts, newWords }: WordsOfRun, words: Words): Warning[] {
  const { identifier, classNoun, instancePrompt, classPrompt } = prompts;
  const texts: [string, string | undefined][] = [
    ['the instance prompt', instancePrompt],
    ['the class prompt', classPrompt],
    ...samplePrompts
      .filter((text) => text !== instancePrompt && text !== classPrompt)
      .map((text): [string, string] => ['a sample prompt', text]),
  ];
  return [
    ...(identifier === undefined || newWords.has(identifier)
      ? []
      : identifierWarnings(identifier, classNoun, words)),
    ...texts.flatMap(([what, text]) => {
      if (text === undefined) return [];
      const found = cutOff(words, withStandIns(text, newWords));
      return found === undefined ? [] : [cutOffWarning(what, text, found)];
    }),
  ];
}

/** What a model may already mean by an identifier; one warning at most. */
export function identifierWarnings(
  identifier: string,
  classNoun: string | undefined,
  { encode, vocabulary }: Pick<Words, 'encode' | 'vocabulary'>,
): Warning[] {
  const lower = identifier.toLowerCase();
  if (classNoun?.toLowerCase().split(/\s+/).includes(lower)) {
    return [
      {
        code: 'prompt/identifier-is-noun',
        text: `identifier "${identifier}" is the class noun, too: every ${classNoun} becomes the subject, and nothing names it alone; ${HINT}`,
      },
    ];
  }
  if (vocabulary === undefined) return [];
  const tokens = encode(identifier).map((id) => vocabulary.token(id));
  const [only] = tokens;
  if (tokens.length > 1) {
    const pieces = tokens.map((token) => token?.text ?? '?').join(' + ');
    return [
      {
        code: 'prompt/identifier-in-pieces',
        text: `identifier "${identifier}" is ${tokens.length} tokens (${pieces}), each with a meaning of its own; one rare token is learned better: ${HINT}`,
      },
    ];
  }
  if (only !== undefined && only.rarity < RARE_FROM) {
    return [
      {
        code: 'prompt/common-identifier',
        text: `identifier "${identifier}" is a common word: only ${percent(only.rarity)} of the vocabulary are more frequent, and what the model means by it mixes with the subject; ${HINT}`,
      },
    ];
  }
  return [];
}

/** In whole percents, a share below one as such. */
function percent(share: number): string {
  return share < 0.01 ? 'less than 1 %' : `${Math.floor(share * 100)} %`;
}
