// Reads settings from a file: TypeScript or JavaScript with a default export, YAML, or JSON.
import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { ConfigError, FileError, withFileErrors } from '../errors.ts';
import { isPath } from '../plugins/isPath.ts';
import type { ConfigLayer } from './layers.ts';
import { loadModule } from './loadModule.ts';
import { decodeSettings, parseSettings } from './settingsText.ts';

const MODULES: readonly string[] = ['.ts', '.mts', '.js', '.mjs'];
const DATA: Readonly<Record<string, 'json' | 'yaml'>> = { '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml' };

/**
 * A config file as a layer. Plugin paths in a module are relative to the file; all other paths to where the command runs.
 * What its options are worth is checked later, together with the other layers.
 * @throws ConfigError when the file cannot be read (`file/…`), is damaged, no mapping, or data that names code
 */
export async function loadConfigFile(path: string): Promise<ConfigLayer> {
  const extension = extname(path).toLowerCase();
  const isModule = MODULES.includes(extension);
  const values = await readValues(path, extension);
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new ConfigError('it holds no settings', {
      code: 'config/no-settings',
      where: path,
      expected: isModule ? 'export default defineConfig({ … })' : 'a mapping of options',
      got: Array.isArray(values) ? 'a list' : String(values),
    });
  }
  const settings = { ...values } as Record<string, unknown>;
  if (!isModule) refuseCode(settings['plugins'], path);
  if (Array.isArray(settings['plugins'])) {
    settings['plugins'] = settings['plugins'].map((plugin: unknown) =>
      typeof plugin === 'string' && plugin.startsWith('.') ? resolve(dirname(path), plugin) : plugin,
    );
  }
  return { name: path, values: settings };
}

/**
 * Data never names code to load: who opens a config, a run or a matrix of somebody else runs nothing of theirs. Installed
 * packages are named by their names.
 * @param plugins the `plugins` of settings that were read as data
 * @throws ConfigError `config/names-code` when one of them is a path
 */
export function refuseCode(plugins: unknown, where: string): void {
  if (!Array.isArray(plugins)) return;
  const paths = plugins.filter((plugin): plugin is string => typeof plugin === 'string' && isPath(plugin));
  const [first] = paths;
  if (first === undefined) return;
  throw new ConfigError('these are data, and data may not name code to run', {
    code: 'config/names-code',
    where: `${where}: plugins`,
    expected: 'names of installed plugins',
    got: paths.join(', '),
    hint: `name it on the command line (--plugin ${first}), or in a config file in TypeScript`,
  });
}

async function readValues(path: string, extension: string): Promise<unknown> {
  if (MODULES.includes(extension)) return (await loadConfigModule(path))['default'];
  const format = DATA[extension];
  if (format !== undefined) {
    const bytes = await read(path);
    return parseSettings(decodeSettings(bytes, path), format, path);
  }
  throw new ConfigError('no reader for this kind of file', {
    code: 'config/unreadable',
    where: path,
    expected: `one of ${[...MODULES, ...Object.keys(DATA)].join(', ')}`,
    got: extension || 'no extension',
  });
}

/** A config file that cannot be read is a matter of what was typed, as its content is. */
async function read(path: string): Promise<Buffer> {
  try {
    return await withFileErrors(path, () => readFile(path));
  } catch (error) {
    throw error instanceof FileError
      ? new ConfigError(error.summary, { ...error.toJSON(), code: error.code, cause: error })
      : error;
  }
}

async function loadConfigModule(path: string): Promise<Record<string, unknown>> {
  // That there is no such file is told of this file, not of one it imports.
  await read(path);
  try {
    return await loadModule(resolve(path));
  } catch (cause) {
    throw new ConfigError(`it cannot be run: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: 'config/module-failed',
      where: path,
      cause,
    });
  }
}
