// Warnings on a small vocabulary; those on CLIP's stand beside the command.
import { describe, expect, it } from 'vitest';
import type { VocabularyToken } from '../contracts.ts';
import { cutOff } from './cutOff.ts';
import { promptWarnings, type Words, type WordsOfRun } from './promptWarnings.ts';

/** One token a word, the rarer the longer; words of digits are a token a digit. Six tokens are read. */
const words: Words = {
  modelMaxLength: 8,
  encode: (text) =>
    text.split(/\s+/).flatMap((word) => (/^\d+$/.test(word) ? [...word].map(idOf) : [idOf(word)])),
  vocabulary: { token: (id) => tokens[id], tokens: () => tokens },
};
const tokens: VocabularyToken[] = [];

function idOf(text: string): number {
  const known = tokens.findIndex((token) => token.text === text);
  if (known >= 0) return known;
  const rarity = text.length / 10;
  return tokens.push({ id: tokens.length, token: `${text}</w>`, text, endsWord: true, rarity }) - 1;
}

const warned = (run: Partial<WordsOfRun['prompts']>, more: Partial<WordsOfRun> = {}): string[] =>
  promptWarnings(
    {
      prompts: { instancePrompt: 'a photo', ...run },
      samplePrompts: [],
      newWords: new Map<string, number>(),
      ...more,
    },
    words,
  ).map(({ text }) => text);

describe('an identifier', () => {
  it('that is rare is right', () => {
    expect(warned({ identifier: 'nineletter', classNoun: 'dog' })).toEqual([]);
    expect(warned({ identifier: 'ninelette' })).toEqual([]);
  });

  it('that is a common word is told, with a hint', () => {
    expect(warned({ identifier: 'eightlet', classNoun: 'dog' })).toEqual([
      expect.stringMatching(/"eightlet" is a common word: only 80 % .*pipeline tokens --rare/),
    ]);
  });

  it('of several tokens is told with them', () => {
    expect(warned({ identifier: '123' })).toEqual([expect.stringContaining('is 3 tokens (1 + 2 + 3)')]);
  });

  it('that is the class noun is told as that', () => {
    expect(warned({ identifier: 'Bear', classNoun: 'teddy bear' })).toEqual([
      expect.stringContaining('"Bear" is the class noun, too'),
    ]);
  });

  it('that a plugin makes a token of, or that stands in no prompt, is left alone', () => {
    expect(warned({ identifier: '123' }, { newWords: new Map([['123', 1]]) })).toEqual([]);
    expect(warned({})).toEqual([]);
  });
});

describe('a prompt', () => {
  const long = 'one two three four five six seven';

  it('is told when its end is not read', () => {
    expect(cutOff(words, 'one two three four five six')).toBeUndefined();
    expect(cutOff(words, long)).toEqual({ tokens: 7, read: 6, endsWith: 'three four five six' });
    expect(warned({ instancePrompt: long })).toEqual([
      `the instance prompt is too long: "${long}" has 7 tokens, the model reads 6, and what follows "… three four five six" is cut off`,
    ]);
  });

  it('of samples and class counts as well, each once', () => {
    const told = warned(
      { instancePrompt: long, classPrompt: `${long} c` },
      { samplePrompts: [long, `${long} s`] },
    );
    expect(told.map((text) => text.split(' is ')[0])).toEqual([
      'the instance prompt',
      'the class prompt',
      'a sample prompt',
    ]);
  });

  it('with a new word counts as many tokens as it has vectors', () => {
    const asked = { identifier: '123', instancePrompt: 'a b c d e 123' };
    expect(warned(asked, { newWords: new Map([['123', 1]]) })).toEqual([]);
    expect(warned(asked, { newWords: new Map([['123', 2]]) })).toEqual([
      expect.stringContaining('has 7 tokens, the model reads 6'),
    ]);
    expect(warned({ instancePrompt: 'a b c d e 123' })).toHaveLength(1);
  });
});
