// Neither a message of the queue nor a matrix that is data names code to run or folders to write into.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadQuestion, type CellWork } from '@likeness/ablation';
import { temporaryFolder } from '@likeness/core/testing';
import { expect, it } from 'vitest';
import { guardedWork } from './guardedWork.ts';

const REACHED = new Error('reached');
const work: CellWork = {
  prepare: () => Promise.reject(REACHED),
  run: () => Promise.reject(REACHED),
};
const prepare = (values: Readonly<Record<string, unknown>>, plugins: readonly string[] = []) =>
  guardedWork(work, plugins).prepare({ values, evaluation: {}, reference: [] });
const refused: unknown = expect.objectContaining({ code: 'ablation/not-for-data' });

it.each([
  { plugins: ['./x.mjs'] },
  { plugins: './x.mjs' },
  { plugins: [{ name: 'x' }] },
  { outputDir: '/etc' },
  { cacheDir: '/etc' },
  { pluginOptions: { ppl: { classDataDir: '/etc' } } },
])('a message that says %j is refused', async (values) => {
  await expect(prepare(values)).rejects.toEqual(refused);
});

it('plugins that were named when the worker was started, and all else, pass', async () => {
  await expect(prepare({ plugins: ['./x.mjs'] }, ['./x.mjs'])).rejects.toBe(REACHED);
  await expect(prepare({ recipe: 'lora', seed: 1 })).rejects.toBe(REACHED);
});

it.each([
  ['m.yaml', 'settings: { plugins: [./x.mjs] }\n'],
  ['m.json', '{"studies":{"a":{"settings":{"plugins":["./x.mjs"]}}}}'],
])('a matrix in %s names no plugins', async (name, text) => {
  const file = join(temporaryFolder(), name);
  await writeFile(file, text);
  await expect(loadQuestion(file)).rejects.toEqual(refused);
});
