import { join } from 'node:path';
import { readTensor } from '@likeness/core';
import { createTinyModel, temporaryFolder } from '@likeness/core/testing';
import { expect, it } from 'vitest';
import { initialVectors } from './initialVectors.ts';
import { tokenTable } from './tokenTable.ts';

const model = await createTinyModel(join(temporaryFolder(), 'model'));
const { entry, width } = tokenTable(model);
const table = await readTensor(entry);
const rowOf = (word: string): number[] => {
  const [id = 0] = model.tokenizer.encode(word);
  return [...table.subarray(id * width, (id + 1) * width)];
};
const vectorsOf = async (
  kind: 'token' | 'text' | 'classNoun',
  text: string,
  vectors: number,
): Promise<number[][]> => {
  const values = await initialVectors(model, { kind, text }, vectors, 0);
  return Array.from({ length: vectors }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
};

it('starts every vector as one token', async () => {
  expect(await vectorsOf('token', 'dog', 2)).toEqual([rowOf('dog'), rowOf('dog')]);
  await expect(vectorsOf('token', 'red dog', 2)).rejects.toThrow('--initializer-text "red dog"');
});

it('starts vectors as the tokens of a text, in order', async () => {
  const [red, dog] = [rowOf('red'), rowOf('dog')];
  expect(await vectorsOf('text', 'red dog', 2)).toEqual([red, dog]);
  expect(await vectorsOf('text', 'red dog', 3)).toEqual([red, red, dog]);
  await expect(vectorsOf('text', 'a red dog', 2)).rejects.toThrow('--num-vectors 3');
});

it('starts as the head of a class noun', async () => {
  expect(await vectorsOf('classNoun', 'alarm clock', 1)).toEqual([rowOf('clock')]);
});

it('starts at random with the vocabulary’s length, by seed', async () => {
  const random = (seed: number): Promise<Float32Array> =>
    initialVectors(model, { kind: 'random' }, 200, seed);
  const first = await random(1);
  const length = (values: Float32Array): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  expect(length(first) / length(table)).toBeCloseTo(1, 1);
  expect(await random(1)).toEqual(first);
  expect(await random(2)).not.toEqual(first);
});
