// What is written, and that it can be tried from its sources at once. That it installs, builds and passes its tests:
// e2e/plugin.test.ts.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfigFile, resolvePlugins } from '@likeness/core';
import { afterAll, describe, expect, it } from 'vitest';
import { builtIns } from '../composition.ts';
import { VERSION } from '../version.ts';
import { createPluginPackage, PLUGIN_KINDS, type PluginPackageOptions } from './pluginPackage.ts';

const root = mkdtempSync(join(tmpdir(), 'likeness-create-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const create = (options: Partial<PluginPackageOptions> & { name: string }): Promise<string> =>
  createPluginPackage({ kind: 'method', license: 'none', parent: root, ...options });

describe('createPluginPackage', () => {
  it.each(PLUGIN_KINDS)('writes a %s under its own name', async (kind) => {
    const name = `soft-${kind}`;
    const folder = await create({ name, kind });
    expect(folder).toBe(join(root, `likeness-plugin-${name}`));
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    expect(files).toEqual([
      '.gitignore',
      'README.md',
      'likeness.config.ts',
      'package.json',
      'src',
      'src/index.test.ts',
      'src/index.ts',
      'tsconfig.json',
    ]);
    const texts = files
      .filter((file) => file !== 'src')
      .map((file) => readFileSync(join(folder, file), 'utf8'));
    expect(texts.filter((text) => text.includes('my-plugin'))).toEqual([]);
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toMatchObject({
      name: `likeness-plugin-${name}`,
      license: 'UNLICENSED',
      peerDependencies: { '@likeness/core': `^${VERSION}` },
      devDependencies: { '@likeness/cli': `^${VERSION}`, '@likeness/core': `^${VERSION}` },
    });
  });

  it('makes what a config file loads from its TypeScript sources, with nothing installed', async () => {
    const folder = await create({ name: 'from-source' });
    const { values } = await loadConfigFile(join(folder, 'likeness.config.ts'));
    const options = { builtIns, cwd: folder, plugins: values['plugins'] as unknown[] };
    const [plugin] = await resolvePlugins(String(values['recipe']), options);
    expect(plugin?.name).toBe('from-source');
    expect(Object.keys(plugin?.optionsSchema.shape ?? {})).toEqual(['within']);
  });

  it('brings the licence that was asked for', async () => {
    const folder = await create({ name: 'licensed', license: 'Apache-2.0' });
    expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toContain('Apache License');
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).toContain('"license": "Apache-2.0"');
  });

  it('never touches what is there', async () => {
    const taken = join(root, 'likeness-plugin-taken');
    mkdirSync(taken);
    writeFileSync(join(taken, 'mine.txt'), 'mine');
    await expect(create({ name: 'taken' })).rejects.toThrow('it stays as it is');
    expect(readdirSync(taken)).toEqual(['mine.txt']);
    expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.each(['Huber', 'my_loss', '-x', '2fast', '', 'a/b', '../up', 'likeness-plugin-x', 'x'.repeat(300)])(
    'refuses %j as a name',
    async (name) => {
      await expect(create({ name })).rejects.toThrow('a plugin cannot be called so');
    },
  );

  it('refuses the name of a plugin that is there', async () => {
    await expect(create({ name: 'dreambooth' })).rejects.toThrow('there is a plugin of this name already');
    expect(existsSync(join(root, 'likeness-plugin-dreambooth'))).toBe(false);
  });
});
