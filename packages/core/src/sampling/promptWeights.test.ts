import { describe, expect, it } from 'vitest';
import { createTinyTokenizer } from '../testing/tinyTokenizer.ts';
import { applyTokenWeights, parsePromptWeights, weightedTokens } from './promptWeights.ts';

const parsed = (prompt: string): [string, number][] =>
  parsePromptWeights(prompt).map(({ text, weight }) => [text, Number(weight.toFixed(4))]);

describe('parsePromptWeights', () => {
  // The examples of A1111's own docstring (modules/prompt_parser.py).
  it.each<[string, [string, number][]]>([
    ['normal text', [['normal text', 1]]],
    [
      'an (important) word',
      [
        ['an ', 1],
        ['important', 1.1],
        [' word', 1],
      ],
    ],
    ['(unbalanced', [['unbalanced', 1.1]]],
    ['\\(literal\\]', [['(literal]', 1]]],
    ['(unnecessary)(parens)', [['unnecessaryparens', 1.1]]],
    [
      'a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).',
      [
        ['a ', 1],
        ['house', 1.573],
        [' ', 1.1],
        ['on', 1],
        [' a ', 1.1],
        ['hill', 0.55],
        [', sun, ', 1.1],
        ['sky', 1.4641],
        ['.', 1.1],
      ],
    ],
    [
      'time 10:30 (late)',
      [
        ['time 10:30 ', 1],
        ['late', 1.1],
      ],
    ],
    ['', []],
  ])('%s', (prompt, spans) => {
    expect(parsed(prompt)).toEqual(spans);
  });
});

describe('weightedTokens', () => {
  const tokenizer = createTinyTokenizer();

  it('gives the ids of the plain prompt, and a weight to each', () => {
    const { ids, weights } = weightedTokens(tokenizer, 'a (photo:1.5) of');
    expect(ids).toEqual(tokenizer.encodePadded('a photo of'));
    expect([...weights.subarray(0, 5)]).toEqual([1, 1, 1.5, 1, 1]);
  });

  it('cuts off where the text encoder does', () => {
    const long = 'a '.repeat(2 * tokenizer.modelMaxLength);
    expect(weightedTokens(tokenizer, `(${long}:2)`).ids).toEqual(tokenizer.encodePadded(long));
  });
});

describe('applyTokenWeights', () => {
  it('keeps the mean, and the very bits where nothing is weighted', () => {
    const states = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(applyTokenWeights(states, Float32Array.of(1, 1, 1))).toBe(states);
    const weighted = applyTokenWeights(states, Float32Array.of(1, 2, 1));
    expect(weighted.reduce((sum, x) => sum + x, 0)).toBeCloseTo(21, 5);
    expect((weighted[2] ?? 0) / (weighted[0] ?? 1)).toBeCloseTo(6, 5);
  });
});
