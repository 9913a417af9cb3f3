// Reads settings from a file: TypeScript or JavaScript with a default export, YAML, or JSON.
import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { ConfigError } from '../errors.ts';
import type { ConfigLayer } from './layers.ts';
import { loadModule } from './loadModule.ts';

const MODULES: readonly string[] = ['.ts', '.mts', '.js', '.mjs'];

/**
 * A config file as a layer. Plugin paths in it are relative to the file; all others to where the command runs. What
 * its options are worth is checked later, together with the other layers.
 * @throws ConfigError when the file cannot be read or is no mapping
 */
export async function loadConfigFile(path: string): Promise<ConfigLayer> {
  const values = await readValues(path);
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new ConfigError('it holds no settings', {
      code: 'config/no-settings',
      where: path,
      expected: MODULES.includes(extname(path))
        ? 'export default defineConfig({ … })'
        : 'a mapping of options',
      got: Array.isArray(values) ? 'a list' : String(values),
    });
  }
  const settings = { ...values } as Record<string, unknown>;
  if (Array.isArray(settings['plugins'])) {
    settings['plugins'] = settings['plugins'].map((plugin: unknown) =>
      typeof plugin === 'string' && plugin.startsWith('.') ? resolve(dirname(path), plugin) : plugin,
    );
  }
  return { name: path, values: settings };
}

async function readValues(path: string): Promise<unknown> {
  const extension = extname(path);
  try {
    if (MODULES.includes(extension)) return (await loadModule(resolve(path)))['default'];
    const text = await readFile(path, 'utf8');
    if (extension === '.json') return JSON.parse(text);
    if (extension === '.yaml' || extension === '.yml') return parseYaml(text);
  } catch (error) {
    throw new ConfigError(`it cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'config/unreadable',
      where: path,
      cause: error,
    });
  }
  throw new ConfigError('no reader for this kind of file', {
    where: path,
    expected: `one of ${[...MODULES, '.yaml', '.yml', '.json'].join(', ')}`,
    got: extension || 'no extension',
  });
}
