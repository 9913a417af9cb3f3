import { describe, expect, it } from 'vitest';
import { captionWarnings } from './captionWarnings.ts';

const tokenizer = { modelMaxLength: 8, encode: (text: string) => text.split(/\s+/).map((_, i) => i) };
const warned = (captions: readonly (string | undefined)[], newWords = new Map<string, number>()): string[] =>
  captionWarnings(
    captions.map((caption, i) => ({ path: `ph/p${i}.png`, ...(caption === undefined ? {} : { caption }) })),
    { prompts: { identifier: 'sks', classNoun: 'robot' }, newWords, tokenizer },
  ).map(({ text }) => text);

describe('captions', () => {
  it('that name the subject are right, in capitals and beside signs too', () => {
    expect(warned(['a photo of sks robot', 'SKS, sitting', undefined])).toEqual([]);
  });

  it('of which none says the identifier are told', () => {
    expect(warned(['a toy on a table', 'a sksy toy'])).toEqual([
      expect.stringMatching(/^none of the 2 captions says "sks": the word learns nothing/),
    ]);
  });

  it('of which some do not say it are told with their pictures', () => {
    expect(warned(['sks robot', 'a toy', 'a box'])).toEqual([
      expect.stringMatching(/^2 of 3 captions do not say "sks" \(p1\.png, p2\.png\)/),
    ]);
  });

  it('with a new word are left alone: the method adds it', () => {
    expect(warned(['a toy'], new Map([['sks', 1]]))).toEqual([]);
  });

  it('that are too long are told, a new word counting as all its vectors', () => {
    expect(warned(['sks a b c d e'])).toEqual([]);
    expect(warned(['sks a b c d e f'])).toHaveLength(1);
    expect(warned(['a sks'], new Map([['sks', 6]]))).toEqual([
      expect.stringMatching(/caption of p0\.png is too long: "a sks" has 7 tokens, the model reads 6/),
    ]);
  });
});
