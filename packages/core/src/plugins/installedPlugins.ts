// Plugin packages installed where the command runs: `likeness-plugin-NAME` and `@scope/likeness-plugin-NAME`.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const PREFIX = 'likeness-plugin-';

export interface InstalledPlugin {
  /** What a recipe calls it. */
  readonly name: string;
  /** `@scope/likeness-plugin-NAME` */
  readonly packageName: string;
  /** The package's folder, below a node_modules. */
  readonly folder: string;
}

/**
 * All plugin packages below the node_modules folders from `cwd` upwards; the nearest of a name comes first.
 * @param prefix of packages of another kind: `likeness-metric-`
 */
export function installedPlugins(cwd: string, prefix: string = PREFIX): InstalledPlugin[] {
  const found: InstalledPlugin[] = [];
  for (const folder of nodeModulesFolders(cwd)) {
    for (const entry of list(folder)) {
      if (entry.startsWith(prefix)) found.push(installed(folder, entry, prefix));
      if (!entry.startsWith('@')) continue;
      for (const inner of list(join(folder, entry))) {
        if (inner.startsWith(prefix)) found.push(installed(folder, `${entry}/${inner}`, prefix));
      }
    }
  }
  const names = found.map(({ packageName }) => packageName);
  return found.filter(({ packageName }, index) => names.indexOf(packageName) === index);
}

function installed(folder: string, packageName: string, prefix: string): InstalledPlugin {
  const name = packageName.slice(packageName.indexOf(prefix) + prefix.length);
  return { name, packageName, folder: join(folder, packageName) };
}

function nodeModulesFolders(cwd: string): string[] {
  const folders: string[] = [];
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    folders.push(join(folder, 'node_modules'));
    if (dirname(folder) === folder) return folders.filter((candidate) => existsSync(candidate));
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
