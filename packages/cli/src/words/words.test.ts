// Words on the bundled model's vocabulary, which is CLIP's.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTinyModel } from '@likeness/core/testing';
import { cutOff, evaluationPrompts, identifierWarnings, type RgbImage } from '@likeness/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledPrompts, bundledVocabulary, openModel } from '../composition.ts';
import { contextsOf, KNOWN_NOUNS, movement, pictureDifference, probeRows, probeWords } from './probe.ts';
import { rareTokens } from './rareTokens.ts';
import { readWordList } from './wordList.ts';

const { tokenizer } = await openModel('doodle');
const isWord = await readWordList();

describe('rare tokens', () => {
  const found = rareTokens(tokenizer, isWord);

  it('are late in the merges, short, single and no words', () => {
    expect(found.length).toBeGreaterThan(200);
    expect(found[0]).toMatchObject({ text: 'lun', id: 49390 });
    for (const { id, text, rarity } of found) {
      expect(text).toMatch(/^[a-z]{2,3}$/);
      expect(rarity).toBeGreaterThanOrEqual(0.9);
      expect(tokenizer.encode(text)).toEqual([id]);
      expect(isWord(text)).toBe(false);
      expect(identifierWarnings(text, 'dog', tokenizer)).toEqual([]);
    }
    expect(found.map(({ id }) => id)).toEqual(found.map(({ id }) => id).toSorted((a, b) => b - a));
  });

  it('leave out words, rude ones and such as leave a vowel out', () => {
    const texts = found.map(({ text }) => text);
    for (const word of ['tux', 'hep', 'ewe', 'fad', 'jap', 'fck']) expect(texts).not.toContain(word);
    expect(texts).toContain('sks');
  });
});

describe('identifiers on CLIP’s vocabulary', () => {
  it.each(['sks', 'ohwx', 'olis', 'lun', 'SKS'])('%s is fine', (word) => {
    expect(identifierWarnings(word, 'dog', tokenizer)).toEqual([]);
  });
  it.each([
    ['robot', 'common word'],
    ['bob', 'common word'],
    ['rifle', 'common word'],
    ['xyz', '2 tokens (xy + z)'],
    ['zwx', '2 tokens (z + wx)'],
    ['V', 'common word'],
    ['dog', 'class noun'],
  ])('%s is told: %s', (word, message) => {
    expect(identifierWarnings(word, 'dog', tokenizer)).toEqual([
      { code: expect.any(String) as string, text: expect.stringContaining(message) as string },
    ]);
  });
});

describe('the bundled model’s prompts', () => {
  it('are as many as the paper’s, in words it was trained on, and none is cut off', () => {
    const prompts = evaluationPrompts({ set: bundledPrompts, identifier: 'sks', classNoun: 'robot' });
    expect(prompts.filter(({ category }) => category === 'recontext')).toHaveLength(20);
    expect(prompts.filter(({ category }) => category === 'property')).toHaveLength(5);
    const { nouns, scenes, colours, flatBackgrounds, templates } = bundledVocabulary;
    const phrases = Object.values(scenes).flat();
    const known = new Set(
      [...nouns, ...phrases, ...colours, ...flatBackgrounds, ...templates, 'sks'].flatMap((text) =>
        text.split(' '),
      ),
    );
    for (const { prompt } of prompts) {
      expect(prompt.split(' ').filter((word) => !known.has(word))).toEqual([]);
      expect(cutOff(tokenizer, prompt)).toBeUndefined();
    }
  });
});

const plain = (value: number): RgbImage => ({ width: 1, height: 2, data: new Uint8Array(6).fill(value) });

describe('how far a word moves pictures', () => {
  it('is the mean squared difference of pixels, by context in known nouns', () => {
    expect(pictureDifference(plain(0), plain(255))).toBe(1);
    expect(pictureDifference(plain(51), plain(0))).toBeCloseTo(0.04);
    expect(movement([0.1, 0.4], [0.2, 0.4])).toBeCloseTo(0.75);
  });

  it('asks for the word before each class and alone', () => {
    const [dog, alone] = contextsOf(['dog']);
    expect([dog?.prompt('sks'), dog?.prompt(''), alone?.prompt('sks'), alone?.prompt('')]).toEqual([
      'a photo of sks dog',
      'a photo of dog',
      'a photo of sks',
      'a photo of',
    ]);
  });

  describe('on a model', () => {
    let folder = '';
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'likeness-probe-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('is 1 for a known noun, orders words, and comes out the same again', async () => {
      const model = await createTinyModel(folder);
      const options = {
        model,
        contexts: contextsOf(['car']),
        seeds: [0, 1],
        sampler: model.samplers[0] ?? '',
        numInferenceSteps: 2,
        guidanceScale: 2,
        mode: 'graph',
        threads: 1,
      } as const;
      const probe = await probeWords({ ...options, words: ['sks', 'cat', 'zwx'] });
      expect(probe.without).toHaveLength(4);
      expect(probe.known.map(({ word }) => word)).toEqual(KNOWN_NOUNS);
      const mean = probe.known.reduce((sum, { moves }) => sum + moves, 0) / KNOWN_NOUNS.length;
      expect(mean).toBeCloseTo(1, 10);
      const moves = probe.words.map((word) => word.moves);
      expect(moves).toEqual(moves.toSorted((a, b) => a - b));
      expect(moves[0]).toBeGreaterThan(0);
      const cat = probe.words.find(({ word }) => word === 'cat');
      expect(cat?.moves).toBe(probe.known[0]?.moves);
      expect(probeRows(probe).map(({ label }) => label.split(' ')[0])).toEqual([
        'no',
        ...probe.words.map(({ word }) => word),
        ...KNOWN_NOUNS,
      ]);
      // A noun before itself is left out of the scale: the mean of the others is 1.
      const before = await probeWords({ ...options, contexts: contextsOf(['cat']).slice(0, 1), words: [] });
      const others = before.known.filter(({ word }) => word !== 'cat').map((known) => known.moves);
      expect(others.reduce((sum, value) => sum + value, 0) / others.length).toBeCloseTo(1, 10);
      const alone = await probeWords({ ...options, words: ['zwx'] });
      expect(alone.words[0]?.moves).toBe(probe.words.find(({ word }) => word === 'zwx')?.moves);
    });
  });
});
