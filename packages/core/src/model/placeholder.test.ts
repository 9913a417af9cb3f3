import { expect, it } from 'vitest';
import { expandPlaceholder, placeholderTokens } from './placeholder.ts';

const tokens = placeholderTokens('<cat>', 3);

it('names tokens as diffusers does', () => {
  expect(tokens).toEqual(['<cat>', '<cat>_1', '<cat>_2']);
});

it('writes every token out, once', () => {
  const all = '<cat> <cat>_1 <cat>_2';
  expect(expandPlaceholder('a <cat> and<cat>s', tokens)).toBe(`a ${all} and${all}s`);
  expect(expandPlaceholder(`a ${all}, <cat>`, tokens)).toBe(`a ${all}, ${all}`);
  expect(expandPlaceholder('<cat>_2 alone', tokens)).toBe('<cat>_2 alone');
  expect(expandPlaceholder('A <CAT>, a cat', tokens)).toBe('A <CAT>, a cat');
  expect(expandPlaceholder('<cat>', ['<cat>'])).toBe('<cat>');
});
