import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfigFile } from './configFile.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'likeness-config-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const load = async (name: string, text: string) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return (await loadConfigFile(path)).values;
};

it.each([
  [
    'a.ts',
    "import { defineConfig } from '@likeness/core';\nconst seed: number = 3;\nexport default defineConfig({ seed });",
  ],
  ['a.mjs', 'export default { seed: 3 };'],
  ['a.yaml', 'seed: 3'],
  ['a.json', '{ "seed": 3 }'],
])('reads %s', async (name, text) => {
  expect(await load(name, text)).toEqual({ seed: 3 });
});

it('takes plugins written in the file, and paths relative to it', async () => {
  const text = `
    import { definePlugin } from '@likeness/core';
    export default { plugins: ['./huber.ts', 'ppl', definePlugin] };`;
  const { plugins } = await load('a.ts', text);
  expect(plugins).toEqual([join(folder, 'huber.ts'), 'ppl', expect.any(Function)]);
});

it('says what is wrong with a file', async () => {
  await expect(load('a.toml', '')).rejects.toThrow('got: .toml');
  await expect(load('a.json', '{')).rejects.toThrow('a.json: it cannot be read');
  await expect(load('a.yaml', '- 1')).rejects.toThrow('got: a list');
  await expect(load('a.ts', 'export const config = {};')).rejects.toThrow('export default defineConfig');
  await expect(loadConfigFile(join(folder, 'gone.yaml'))).rejects.toThrow('ENOENT');
});
