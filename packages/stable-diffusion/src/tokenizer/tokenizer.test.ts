// Expected ids come from transformers 5.23.0 with the same files.

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WeightsError } from '@likeness/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadTokenizer } from './clipTokenizer.ts';

const DOODLE = new URL('../../../doodle/model/tokenizer', import.meta.url).pathname;
const TINY_SD1 = new URL('../../../../fixtures/tiny-sd1/tokenizer', import.meta.url).pathname;
const [START, END] = [49406, 49407];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-tokenizer-'));
  await copyFile(join(DOODLE, 'vocab.json'), join(folder, 'vocab.json'));
  await copyFile(join(DOODLE, 'merges.txt'), join(folder, 'merges.txt'));
});
afterAll(() => rm(folder, { recursive: true }));

async function settings(config: object, specials: object, more: Record<string, object> = {}): Promise<void> {
  const files = {
    'tokenizer_config.json': config,
    'special_tokens_map.json': specials,
    'added_tokens.json': {},
    ...more,
  };
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), JSON.stringify(content));
}

test('the bundled model: 24 tokens, loaded quickly', async () => {
  const started = performance.now();
  const tokenizer = await loadTokenizer(DOODLE);
  // aim: 0.3 s; ten times that is a mistake on any machine
  expect(performance.now() - started).toBeLessThan(3000);
  expect(tokenizer).toMatchObject({ modelMaxLength: 24, vocabSize: 49408, padTokenId: END });
  expect(tokenizer.encode('a photo of sks dog')).toEqual([320, 1125, 539, 48136, 1929]);
  const padded = tokenizer.encodePadded('a photo of sks dog');
  expect([...padded]).toEqual([START, 320, 1125, 539, 48136, 1929, ...Array<number>(18).fill(END)]);
  const long = tokenizer.encodePadded('dog '.repeat(40));
  expect([...long]).toEqual([START, ...Array<number>(22).fill(1929), END]);
});

test('tokenizer.json alone gives the same as vocab.json and merges.txt', async () => {
  const whole = await loadTokenizer([join(TINY_SD1, 'tokenizer.json')]);
  const parts = await loadTokenizer([join(TINY_SD1, 'vocab.json'), join(TINY_SD1, 'merges.txt')]);
  const text = "It's 42 naïve 犬 <|endoftext|> dogs!";
  expect(whole.encode(text)).toEqual(parts.encode(text));
  expect(parts).toMatchObject({ modelMaxLength: 77, padTokenId: END });
});

test('SD 2.x: the padding token ! is special wherever it stands', async () => {
  const special = (content: string): object => ({
    content,
    lstrip: false,
    normalized: true,
    rstrip: false,
    single_word: false,
  });
  await settings(
    { model_max_length: 77, pad_token: '!' },
    {
      bos_token: special('<|startoftext|>'),
      eos_token: special('<|endoftext|>'),
      pad_token: '!',
      unk_token: special('<|endoftext|>'),
    },
  );
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.padTokenId).toBe(0);
  expect(tokenizer.encodeWithSpecials('hello, world!')).toEqual([START, 3306, 267, 1002, 0, END]);
  // a special token marked as normalised is found in lower-cased text; a plain one only as typed
  expect(tokenizer.encode('!<|STARTOFTEXT|>')).toEqual([0, START]);
  expect((await loadTokenizer(TINY_SD1)).encode('<|STARTOFTEXT|>')).toEqual([
    27, 347, 993, 6659, 4160, 91, 285,
  ]);
  expect([...tokenizer.encodePadded('a')]).toEqual([START, 320, END, ...Array<number>(74).fill(0)]);
});

test('added tokens: in any case, inside words, the longest first, decomposed letters too', async () => {
  const tokenizer = await loadTokenizer(TINY_SD1);
  expect(tokenizer.addTokens(['<cat-toy>', '<cat-toy>_1', 'sks', 'SKS2', 'Ünï'])).toEqual([
    49408, 49409, 49410, 49411, 49412,
  ]);
  expect(tokenizer.vocabSize).toBe(49413);
  expect(tokenizer.encode('a photo of <cat-toy>')).toEqual([320, 1125, 539, 49408]);
  expect(tokenizer.encode('a <CAT-TOY>_1 x')).toEqual([320, 49409, 343]);
  expect(tokenizer.encode('<cat-toy>_1<cat-toy>')).toEqual([49409, 49408]);
  expect(tokenizer.encode('asksb sks2 SKS2')).toEqual([320, 49410, 321, 49411, 49411]);
  expect(tokenizer.encode(' ünï ÜNÏ U\u0308nï')).toEqual([49412, 49412, 49412]);
  expect(tokenizer.idToToken(49408)).toBe('<cat-toy>');
  expect(tokenizer.tokenToId('<cat-toy>')).toBe(49408);
  expect(tokenizer.tokenToId('toString')).toBeUndefined();
  expect(() => tokenizer.addTokens(['<new>', 'sks', 'dog</w>', '<new>'])).toThrow(
    /- sks\n {2}- dog<\/w>\n {2}- <new>/,
  );
});

test('placeholders: one word for several tokens, until it is removed', async () => {
  const tokenizer = await loadTokenizer(TINY_SD1);
  const before = tokenizer.encode('a <cat-toy>');
  const { tokens, ids, remove } = tokenizer.addPlaceholder('<cat-toy>', 2);
  const single = tokenizer.addPlaceholder('<dog-toy>', 1);
  expect({ tokens, ids }).toEqual({ tokens: ['<cat-toy>', '<cat-toy>_1'], ids: [49408, 49409] });
  expect(tokenizer.encode('a <cat-toy>, <dog-toy>')).toEqual([320, 49408, 49409, 267, 49410]);
  expect(() => tokenizer.addPlaceholder('<cat-toy>', 1)).toThrow('- <cat-toy>');
  single.remove();
  remove();
  expect(tokenizer.encode('a <cat-toy>')).toEqual(before);
  expect(tokenizer.vocabSize).toBe(49408);
});

test('added tokens of a saved tokenizer, with their flags', async () => {
  const flags = { normalized: false, special: false };
  const listed = (content: string, more: object): object => ({
    content,
    lstrip: false,
    rstrip: false,
    single_word: false,
    ...flags,
    ...more,
  });
  await settings(
    {
      added_tokens_decoder: {
        49409: listed('<Exact>', {}),
        49410: listed('cat', { single_word: true, normalized: true, rstrip: true }),
      },
    },
    {},
    { 'added_tokens.json': { '<old-toy>': 49408 } },
  );
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.vocabSize).toBe(49411);
  expect(tokenizer.encode('<OLD-TOY>')).toEqual([49408]);
  expect(tokenizer.encode('<Exact>')).toEqual([49409]);
  expect(tokenizer.encode('<exact>')).not.toContain(49409);
  expect(tokenizer.encode('cat')).toEqual([49410]);
  expect(tokenizer.encode('cats')).toEqual([3989]);
});

test('a folder that is not a tokenizer', async () => {
  await expect(loadTokenizer(tmpdir())).rejects.toThrow(
    'got: no vocab.json, no merges.txt, no tokenizer.json',
  );
  await settings({ model_max_length: 'many' }, {});
  await expect(loadTokenizer(folder)).rejects.toThrow(WeightsError);
  await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer_config.json.*\n {2}- model_max_length/);
});
