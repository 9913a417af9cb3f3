import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, FileError, WeightsError } from '@likeness/engine';
import { afterAll, expect, it } from 'vitest';
import { modelJsonText, parseModelJson, readModelJson } from './modelJson.ts';

const folder = await mkdtemp(join(tmpdir(), 'likeness-json-'));
afterAll(() => rm(folder, { recursive: true }));

it("reads and writes Python's numbers that JSON has not", () => {
  const text = '\uFEFF{"a": -Infinity, "b": [Infinity, NaN], "c": "a: -Infinity, \\"NaN\\"", "NaN": 1.5}';
  const value = parseModelJson(text, 'x.json');
  expect(value).toEqual({ a: -Infinity, b: [Infinity, NaN], c: 'a: -Infinity, "NaN"', NaN: 1.5 });
  const written = modelJsonText(value);
  expect(written).toContain('"a": -Infinity,');
  expect(written).toContain('NaN\n  ]');
  expect(parseModelJson(written, 'x.json')).toEqual(value);
  expect(modelJsonText({ initializer_factor: 1, steps: 1 })).toBe(
    '{\n  "initializer_factor": 1.0,\n  "steps": 1\n}\n',
  );
});

it('refuses what holds no object, by its place', () => {
  for (const text of ['[1]', 'null', '"x"', '3', '-Infinity', '{"a": ', '', '{"a": -Infinit}', 'NaNs']) {
    const parse = (): unknown => parseModelJson(text, 'unet/config.json');
    expect(parse, text).toThrow(DataError);
    expect(parse, text).toThrow(/^unet\/config\.json: /);
  }
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  expect(() => parseModelJson(deep, 'x')).toThrow(/too many levels/);
  expect(() => parseModelJson(`[NaN,${deep}]`, 'x')).toThrow(/a list/);
  const long = JSON.stringify({ 'NaN\n': '\n'.repeat(16_000_000) });
  expect(Object.keys(parseModelJson(long, 'x'))).toEqual(['NaN\n']);
});

it('reads within bounds', async () => {
  const path = join(folder, 'huge.json');
  await writeFile(path, '');
  await truncate(path, 3 * 2 ** 30);
  await expect(readModelJson(path)).rejects.toMatchObject({ code: 'model/too-large', where: path });
  await expect(readModelJson(join(folder, 'none.json'))).rejects.toThrow(WeightsError);
  await expect(readModelJson(folder)).rejects.toThrow(FileError);
});
