// What a validation is made of: the share of variance a column explains, and captions that differ in one thing.
import { createRng } from '@likeness/core';
import { expect, it } from 'vitest';
import { phrasesOf } from './captionPhrases.ts';
import { varianceExplained } from './explained.ts';

it('explains all, half or none of the variance', () => {
  const keys = Array.from({ length: 600 }, (_, i) => `group ${i % 6}`);
  const noise = createRng(0).stream('noise', 0, 0).normal(1200);
  const rows = (signal: number): Float32Array =>
    Float32Array.from(noise, (value, i) => value + signal * (Math.floor(i / 2) % 6));
  expect(varianceExplained(rows(0), 2, keys)).toBeLessThan(0.01);
  // Places 0 … 5 have a variance of 35 / 12: half of all when the noise has as much.
  const equal = Math.sqrt(12 / 35);
  expect(varianceExplained(rows(equal), 2, keys)).toBeCloseTo(0.5, 1);
  expect(varianceExplained(rows(1000), 2, keys)).toBeCloseTo(1, 4);
  // Sixty groups of ten explain a tenth of pure noise by chance alone: corrected for.
  const fine = keys.map((_, i) => `fine ${i % 60}`);
  expect(varianceExplained(rows(0), 2, fine)).toBeLessThan(0.03);
});

it('finds how captions call things and places', () => {
  const picture = (caption: string, noun: string, scene: string) => ({
    ...{ path: '', caption },
    columns: { noun, scene },
  });
  const { things, places } = phrasesOf(
    [
      picture('a photo of a cat on the beach', 'cat', 'beach'),
      picture('an elephant in the snow', 'elephant', 'snow'),
      picture('an elephant, on the left', 'elephant', 'beach'),
      picture('a drawing of a red car on the beach', 'car', 'beach'),
      picture('a cat on the beach, at the top', 'cat', 'beach'),
    ],
    'noun',
    'scene',
  );
  expect([...things]).toEqual([
    ['cat', 'a cat'],
    ['elephant', 'an elephant'],
    ['car', 'a car'],
  ]);
  expect([...places]).toEqual([
    ['beach', ' on the beach'],
    ['snow', ' in the snow'],
  ]);
});
