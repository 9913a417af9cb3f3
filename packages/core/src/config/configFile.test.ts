import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LikenessError } from '../errors.ts';
import { loadConfigFile } from './configFile.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'likeness-config-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const load = async (name: string, text: string | Uint8Array) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return (await loadConfigFile(path)).values;
};

async function refusal(name: string, text: string | Uint8Array): Promise<LikenessError> {
  const error: unknown = await load(name, text).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LikenessError);
  return error as LikenessError;
}

it.each([
  [
    'a.ts',
    "import { defineConfig } from '@likeness/core';\nconst seed: number = 3;\nexport default defineConfig({ seed });",
  ],
  ['a.mjs', 'export default { seed: 3 };'],
  ['a.yaml', 'seed: 3'],
  ['a.YAML', 'seed: 3\r\n'],
  ['a.yml', '\uFEFFseed: 3'],
  ['a.json', '{ "seed": 3 }'],
  ['A.JSON', '\uFEFF{ "seed": 3 }'],
  ['a.json', Buffer.from('\uFEFF{ "seed": 3 }', 'utf16le')],
  ['b.yaml', Buffer.from('\uFEFFseed: 3\r\n', 'utf16le').swap16()],
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
  await expect(load('a.yaml', '- 1')).rejects.toThrow('got: a list');
  await expect(load('a.ts', 'export const config = {};')).rejects.toThrow('export default defineConfig');
  await expect(load('a.ts', 'throw new Error("mine")')).rejects.toMatchObject({
    code: 'config/module-failed',
  });
  await expect(loadConfigFile(join(folder, 'gone.yaml'))).rejects.toMatchObject({ code: 'file/missing' });
  await expect(loadConfigFile(join(folder, 'gone.ts'))).rejects.toMatchObject({ code: 'file/missing' });
});

it.each([
  ['a.json', '{\n  "seed": 3,\n}', ':3:1'],
  ['b.json', '{ "seed": 3', ':1:'],
  ['c.json', String.raw`{"instanceDataDir":"C:\Users\me"}`, ':1:'],
  ['d.json', '', ':1:1'],
  ['a.yaml', 'seed: 3\nrecipe: "lora', ':2:'],
  ['b.yaml', 'seed: 3\n\trecipe: lora', ':2:'],
])('tells line and column of what is damaged: %s', async (name, text, place) => {
  const { code, where, hint } = await refusal(name, text);
  expect(code).toBe('config/damaged');
  expect(where).toContain(`${join(folder, name)}${place}`);
  expect(hint).toBeDefined();
});

it('refuses text in another encoding', async () => {
  expect(await refusal('a.yaml', Buffer.from('classNoun: caf\xe9', 'latin1'))).toMatchObject({
    code: 'config/damaged',
    where: join(folder, 'a.yaml'),
  });
});

it.each([
  ['a.yaml', '%YAML 1.1\n---\nbase: &b { __proto__: { seed: 3 } }\npluginOptions:\n  <<: *b\n'],
  ['b.yaml', 'constructor: { prototype: { seed: 3 } }'],
  ['c.json', '{ "pluginOptions": { "lora": { "__proto__": { "rank": 8 } } } }'],
  ['d.yaml', '? __proto__\n: { seed: 3 }'],
])('lets no name reach a prototype: %s', async (name, text) => {
  expect((await refusal(name, text)).code).toBe('config/reserved-name');
  expect(({} as Record<string, unknown>)['seed']).toBeUndefined();
});

it('stops at aliases without end', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`,
  );
  const { code } = await refusal('bomb.yaml', ['l0: &l0 [x]', ...levels].join('\n'));
  expect(code).toBe('config/damaged');
});

it.each(['./x.js', '/tmp/x.mjs', 'x.ts', '../x'])('runs no code that data name: %s', async (plugin) => {
  for (const [name, text] of [
    ['a.yaml', `plugins: ['ppl', '${plugin}']`],
    ['a.json', JSON.stringify({ plugins: [plugin] })],
  ] as const) {
    const { code, got, hint } = await refusal(name, text);
    expect(code).toBe('config/names-code');
    expect(got).toBe(plugin);
    expect(hint).toContain(`--plugin ${plugin}`);
  }
  expect(await load('b.yaml', 'plugins: [likeness-plugin-huber]')).toEqual({
    plugins: ['likeness-plugin-huber'],
  });
});
