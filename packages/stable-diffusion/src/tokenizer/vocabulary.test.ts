// CLIP's vocabulary read backwards.
import { expect, test } from 'vitest';
import { loadTokenizer } from './clipTokenizer.ts';
import { createVocabulary } from './vocabulary.ts';

const DOODLE = new URL('../../../doodle/model/tokenizer', import.meta.url).pathname;
const { vocabulary, encode } = await loadTokenizer(DOODLE);

test('a token says what it stands for and how late it was learned', () => {
  expect(vocabulary.token(48136)).toEqual({
    id: 48136,
    token: 'sks</w>',
    text: 'sks',
    endsWord: true,
    rarity: 47625 / 48894,
  });
  expect(vocabulary.token(320)).toMatchObject({ text: 'a', endsWord: true, rarity: 0 });
  expect(vocabulary.token(512)).toMatchObject({ token: 'in', endsWord: false, rarity: 1 / 48894 });
  expect(vocabulary.token(49405)).toMatchObject({ rarity: 1 });
});

test('letters of several bytes are letters again', () => {
  expect(encode('ü').map((id) => vocabulary.token(id)?.text)).toEqual(['ü']);
  expect(
    encode('犬')
      .map((id) => vocabulary.token(id)?.text)
      .join(''),
  ).toContain('�');
});

test('start, end and added words are not of the vocabulary', () => {
  expect(vocabulary.token(49406)).toBeUndefined();
  expect(vocabulary.token(49407)).toBeUndefined();
  const all = vocabulary.tokens();
  expect(all).toHaveLength(49406);
  expect(all.map(({ rarity }) => rarity)).toEqual(all.map(({ rarity }) => rarity).toSorted((a, b) => a - b));
});

test('the order is that of the merges, whatever the ids', () => {
  const small = createVocabulary({
    vocab: { 'b</w>': 0, 'ab</w>': 1, a: 2, aa: 3 },
    merges: [
      ['a', 'a'],
      ['a', 'b</w>'],
    ],
    addedTokens: [],
  });
  expect(small.tokens().map(({ token, rarity }) => [token, rarity])).toEqual([
    ['b</w>', 0],
    ['a', 0],
    ['aa', 0.5],
    ['ab</w>', 1],
  ]);
});
