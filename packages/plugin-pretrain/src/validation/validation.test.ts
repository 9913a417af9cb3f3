// What a validation is made of: the share of variance a column explains, captions that differ in one thing, and how far
// one word moves the text states.
import { createRng, defineFunction, int32, startMachine, type Tensor } from '@likeness/core';
import { createTinyModel, openTinyModel, temporaryFolder } from '@likeness/core/testing';
import { beforeAll, expect, it } from 'vitest';
import { phrasesOf } from './captionPhrases.ts';
import { varianceExplained } from './explained.ts';
import { encodingTexts, measureTextStates } from './textStates.ts';

const folder = temporaryFolder();
beforeAll(() => createTinyModel(folder));

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

it('tells how far one word moves the states, by what else is said', async () => {
  const model = await openTinyModel(folder);
  const picture = (caption: string, columns: Readonly<Record<string, string>>) => ({
    ...{ path: '', caption },
    columns,
  });
  const { maxLength, hiddenSize } = model.textEncoder;
  const encode = defineFunction({ ids: int32(1, maxLength) }, ({ ids }) => ({
    states: model.textEncoder.encode(ids as Tensor),
  }));
  const machine = await startMachine(
    { model, threads: 1, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    {
      encode: { definition: encode, expectedRuns: 2 },
      encodeTexts: { definition: encodingTexts(model), expectedRuns: 1 },
    },
  );
  const told = await measureTextStates(machine.program, model, [
    picture('a cat', { noun: 'cat', set: 'never said' }),
    picture('a red dog', { noun: 'dog', colour: 'red' }),
    picture('a blue dog', { noun: 'dog', colour: 'blue' }),
  ]);
  expect(Object.keys(told)).toEqual(['apart.colour.beside.noun', 'apart.noun', 'apart.noun.beside.colour']);

  const idsOf = (text: string): Int32Array => Int32Array.from(model.tokenizer.encodePadded(text));
  const statesOf = async (text: string): Promise<Float32Array> =>
    (await machine.program.run('encode', { ids: idsOf(text) }))['states'] as Float32Array;
  const [cat, dog] = [await statesOf('a cat'), await statesOf('a dog')];
  await machine.close();
  const distances = Array.from({ length: maxLength }, (_, position) => {
    const at = (states: Float32Array): Float32Array =>
      states.subarray(position * hiddenSize, (position + 1) * hiddenSize);
    return Math.hypot(...at(cat).map((value, i) => value - (at(dog)[i] ?? 0)));
  });
  expect(told['apart.noun']).toBeCloseTo(Math.max(...distances), 4);
});
