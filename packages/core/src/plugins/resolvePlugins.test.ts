import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CORE_COPY, CORE_VERSION, definePlugin, type PluginDefinition } from './definePlugin.ts';
import { parseRecipe } from './recipe.ts';
import { listPlugins, resolvePlugins } from './resolvePlugins.ts';
import packageJson from '../../package.json' with { type: 'json' };

let cwd: string;
beforeEach(async () => void (cwd = await mkdtemp(join(tmpdir(), 'likeness-plugins-'))));
afterEach(() => rm(cwd, { recursive: true, force: true }));

const options = z.strictObject({ rank: z.int().default(4) });
const plugin = (name: string, more: Partial<PluginDefinition<typeof options>> = {}) =>
  definePlugin({ name, description: name, options, setup: () => ({}), ...more });
const builtIns = [
  plugin('dreambooth'),
  plugin('ppl'),
  plugin('lora', { conflicts: { dreambooth: 'lora freezes what dreambooth trains' } }),
];

const file = async (path: string, text: string): Promise<string> => {
  const full = join(cwd, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  return full;
};
const PLUGIN_TS = `
  import { definePlugin } from '@likeness/core';
  import { z } from 'zod';
  const options = z.strictObject({ delta: z.number().default(1) });
  export default definePlugin({ name: 'huber', description: 'robust', options, setup: ({ delta }: { delta: number }) => ({}) });
`;

describe('parseRecipe', () => {
  it('splits at +', () => {
    expect(parseRecipe('dreambooth + ppl')).toEqual(['dreambooth', 'ppl']);
    expect(() => parseRecipe('dreambooth+')).toThrow('a plugin name is missing');
    expect(() => parseRecipe('ppl+ppl')).toThrow('ppl is named twice');
  });
});

describe('definePlugin', () => {
  it('makes plain objects that carry their options', () => {
    expect(plugin('lora')({ rank: 8 })).toMatchObject({
      name: 'lora',
      options: { rank: 8 },
      conflicts: {},
      requires: [],
    });
  });

  it('refuses names that recipes cannot say and options that swallow typos', () => {
    expect(() => plugin('My Plugin')).toThrow('lower-case words joined by dashes');
    expect(() =>
      plugin('loose', { options: z.object({ rank: z.int().default(4) }) as typeof options }),
    ).toThrow('z.strictObject');
  });

  it('knows its version', () => {
    expect(CORE_VERSION).toBe(packageJson.version);
  });
});

describe('resolvePlugins', () => {
  it('finds built-ins, in the recipe’s order', async () => {
    const found = await resolvePlugins('ppl+dreambooth', { builtIns, cwd });
    expect(found.map(({ name }) => name)).toEqual(['ppl', 'dreambooth']);
  });

  it('names what nobody knows, with the nearest name', async () => {
    await expect(resolvePlugins('dreamboth+pll', { builtIns, cwd })).rejects
      .toThrowErrorMatchingInlineSnapshot(`
      [PluginError: recipe dreamboth+pll: no such plugin
        - dreamboth (did you mean dreambooth?)
        - pll (did you mean ppl?)
        expected: one of dreambooth, ppl, lora, or an installed package likeness-plugin-NAME or @scope/likeness-plugin-NAME]
    `);
  });

  it('takes plugins from the config in the recipe’s place, or behind it', async () => {
    const mine = plugin('mine');
    const ownPpl = plugin('ppl')({ rank: 9 });
    const found = await resolvePlugins('ppl+dreambooth', { builtIns, cwd, plugins: [mine, ownPpl] });
    expect(found.map(({ name, options: given }) => [name, given])).toEqual([
      ['ppl', { rank: 9 }],
      ['dreambooth', {}],
      ['mine', {}],
    ]);
    await expect(resolvePlugins('ppl', { builtIns, cwd, plugins: [{ name: 'x' }] })).rejects.toThrow(
      'plugins[0]: not a plugin',
    );
    await expect(resolvePlugins('ppl', { builtIns, cwd, plugins: ['lorra'] })).rejects.toThrow(
      'did you mean lora?',
    );
  });

  it('loads TypeScript by path; its @likeness/core is the running one', async () => {
    await file('huber.ts', PLUGIN_TS);
    const found = await resolvePlugins('dreambooth+huber', { builtIns, cwd, plugins: ['./huber.ts'] });
    expect(found.map(({ name }) => name)).toEqual(['dreambooth', 'huber']);
    await file('none.ts', 'export const x = 1;');
    await expect(resolvePlugins('ppl', { builtIns, cwd, plugins: ['./none.ts'] })).rejects.toThrow(
      'it exports no plugin',
    );
    await expect(resolvePlugins('ppl', { builtIns, cwd, plugins: ['./gone.ts'] })).rejects.toThrow(
      'it cannot be loaded',
    );
  });

  it('finds installed packages upwards, scoped ones too, and refuses a second copy of core by name', async () => {
    const manifest = (name: string) =>
      JSON.stringify({ name, type: 'module', exports: { import: './index.js' } });
    const secondCopy = (name: string) =>
      `const copy = { version: '0.0.9', location: 'file:///elsewhere/core.js' };
       export default Object.assign(() => ({}), { pluginName: '${name}', [Symbol.for('likeness.core')]: copy });`;
    for (const name of ['likeness-plugin-old', '@me/likeness-plugin-older']) {
      await file(`node_modules/${name}/package.json`, manifest(name));
      await file(`node_modules/${name}/index.js`, secondCopy(name.endsWith('older') ? 'older' : 'old'));
    }
    const below = join(cwd, 'deep', 'down');
    await mkdir(below, { recursive: true });
    await expect(resolvePlugins('old', { builtIns, cwd: below })).rejects.toThrow(
      /plugin old .*second copy of @likeness\/core/,
    );
    await expect(resolvePlugins('older', { builtIns, cwd: below })).rejects.toThrow(
      /0\.0\.9 at file:\/\/\/elsewhere/,
    );
    await expect(resolvePlugins('oldes', { builtIns, cwd: below })).rejects.toThrow(/did you mean older?/);
    const listed = await listPlugins(builtIns, below);
    expect(listed.plugins.map(({ plugin: one }) => one.name)).toEqual(['dreambooth', 'ppl', 'lora']);
    expect(listed.failures).toHaveLength(2);
  });

  it('refuses a second copy of core before it is loaded', async () => {
    const manifest = (name: string) => JSON.stringify({ name, type: 'module', exports: './index.js' });
    const folder = 'node_modules/likeness-plugin-own-core';
    await file(`${folder}/package.json`, manifest('likeness-plugin-own-core'));
    await file(`${folder}/index.js`, "throw new Error('it was loaded');");
    const core = `${folder}/node_modules/@likeness/core`;
    await file(`${core}/package.json`, manifest('@likeness/core'));
    const entry = await file(`${core}/index.js`, "throw new Error('it was loaded');");
    const refused = resolvePlugins('own-core', { builtIns, cwd });
    await expect(refused).rejects.toThrow(/plugin own-core .*second copy of @likeness\/core/);
    await expect(refused).rejects.toThrow(entry);
  });

  it('tells the reasons why plugins do not fit, all at once', async () => {
    const more = [
      ...builtIns,
      plugin('needy', { requires: ['ppl'] }),
      plugin('idle', {
        refuses: (others) => (others.includes('lora') ? 'lora leaves it nothing to do' : undefined),
      }),
      plugin('other', { conflicts: ['lora'] }),
    ];
    await expect(resolvePlugins('lora+dreambooth+needy+idle+other', { builtIns: more, cwd })).rejects
      .toThrowErrorMatchingInlineSnapshot(`
      [PluginError: recipe lora+dreambooth+needy+idle+other: these plugins do not fit together
        - lora and dreambooth do not go together: lora freezes what dreambooth trains
        - needy needs ppl in the recipe: lora+dreambooth+needy+idle+other+ppl
        - idle cannot do anything here: lora leaves it nothing to do
        - other and lora do not go together]
    `);
  });

  it('marks plugins for every copy of core to see', () => {
    expect(CORE_COPY).toBe(Symbol.for('likeness.core'));
  });
});
