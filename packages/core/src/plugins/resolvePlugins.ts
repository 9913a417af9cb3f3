// From names to plugins: inline ones, then built-ins, then installed packages, then paths.
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createJiti } from 'jiti';
import { loadModule } from '../config/loadModule.ts';
import { didYouMean } from '../config/nearestName.ts';
import { PluginError } from '../errors.ts';
import {
  isPlugin,
  isPluginFactory,
  otherCore,
  requireThisCore,
  type Plugin,
  type PluginFactory,
} from './definePlugin.ts';
import { isPath } from './isPath.ts';
import { installedPlugins, type InstalledPlugin } from './installedPlugins.ts';
import { checkCombination, parseRecipe } from './recipe.ts';

export interface ResolvePluginsOptions {
  /** Plugins that come along; the composition root says which. */
  readonly builtIns: readonly PluginFactory[];
  /** Where the command runs: installed packages and paths are looked up from there. */
  readonly cwd: string;
  /**
   * The config's `plugins`: names, paths, or plugins themselves. Those the recipe names stand in its place, the others
   * are added behind.
   */
  readonly plugins?: readonly unknown[];
}

/**
 * The plugins of a recipe such as `dreambooth+ppl`, in its order.
 * @throws PluginError for names nobody knows, plugins of a second copy of core, and combinations that do not work
 */
export async function resolvePlugins(recipe: string, options: ResolvePluginsOptions): Promise<Plugin[]> {
  const { builtIns, cwd, plugins: listed = [] } = options;
  const given: Plugin[] = [];
  for (const [index, entry] of listed.entries()) given.push(await resolveEntry(entry, index, options));
  const chosen: Plugin[] = [];
  const unknown: string[] = [];
  for (const name of parseRecipe(recipe)) {
    const plugin =
      given.find((candidate) => candidate.name === name) ?? (await findByName(name, builtIns, cwd));
    if (plugin) chosen.push(plugin);
    else unknown.push(name);
  }
  if (unknown.length > 0) {
    const known = [...given.map(({ name }) => name), ...knownPluginNames(builtIns, cwd)];
    throw new PluginError('no such plugin', {
      code: 'recipe/unknown-plugin',
      where: `recipe ${recipe}`,
      details: unknown.map((name) => `${name}${didYouMean(name, known)}`),
      expected: `one of ${known.join(', ')}, or an installed package likeness-plugin-NAME or @scope/likeness-plugin-NAME`,
    });
  }
  for (const plugin of given) if (!chosen.includes(plugin)) chosen.push(plugin);
  for (const plugin of chosen) requireThisCore(plugin, 'in the recipe');
  checkCombination(chosen);
  return chosen;
}

/** Names a recipe may say here: built-ins and installed packages. */
export function knownPluginNames(builtIns: readonly PluginFactory[], cwd: string): string[] {
  const names = [
    ...builtIns.map(({ pluginName }) => pluginName),
    ...installedPlugins(cwd).map(({ name }) => name),
  ];
  return [...new Set(names)];
}

/**
 * Every plugin that can be used here, for `pipeline plugins`; a package that cannot be loaded is told, not thrown.
 */
export async function listPlugins(
  builtIns: readonly PluginFactory[],
  cwd: string,
): Promise<{ plugins: { plugin: Plugin; from: string }[]; failures: string[] }> {
  const plugins = builtIns.map((factory) => ({ plugin: factory(), from: 'built in' }));
  const failures: string[] = [];
  for (const installed of installedPlugins(cwd)) {
    try {
      const plugin = await loadPackage(installed);
      requireThisCore(plugin, installed.packageName);
      plugins.push({ plugin, from: installed.packageName });
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { plugins, failures };
}

async function resolveEntry(
  entry: unknown,
  index: number,
  { builtIns, cwd }: ResolvePluginsOptions,
): Promise<Plugin> {
  const where = `plugins[${index}]`;
  if (typeof entry === 'string') {
    if (isPath(entry)) return loadPath(resolve(cwd, entry));
    const plugin = await findByName(entry, builtIns, cwd);
    if (plugin) return plugin;
    throw new PluginError('no such plugin', {
      code: 'plugin/not-found',
      where,
      got: `${entry}${didYouMean(entry, knownPluginNames(builtIns, cwd))}`,
      hint: 'install its package, or give a path that starts with ./',
    });
  }
  if (isPlugin(entry) || isPluginFactory(entry)) {
    requireThisCore(entry, where);
    return isPlugin(entry) ? entry : entry();
  }
  throw new PluginError('not a plugin', {
    code: 'plugin/no-plugin',
    where,
    expected: 'a name, a path, or what definePlugin made',
    got: typeof entry,
  });
}

async function findByName(
  name: string,
  builtIns: readonly PluginFactory[],
  cwd: string,
): Promise<Plugin | undefined> {
  const builtIn = builtIns.find(({ pluginName }) => pluginName === name);
  if (builtIn) return builtIn();
  const installed = installedPlugins(cwd).filter(
    (candidate) => candidate.name === name || candidate.packageName === name,
  );
  const [first] = installed;
  if (!first) return undefined;
  if (installed.length > 1) {
    throw new PluginError('several installed packages have this name', {
      code: 'plugin/ambiguous',
      where: `plugin ${name}`,
      got: installed.map(({ packageName }) => packageName).join(', '),
      hint: "write the package's whole name into the config's plugins",
    });
  }
  return loadPackage(first);
}

async function loadPackage(installed: InstalledPlugin): Promise<Plugin> {
  const { name, packageName, folder } = installed;
  refuseOtherCore(name, folder);
  const load = (): Promise<Record<string, unknown>> => importInstalled(installed);
  return pluginOf(await loaded(load, `${packageName} at ${folder}`), packageName, name);
}

/** What an installed package exports. */
async function importInstalled({ packageName, folder }: InstalledPlugin): Promise<Record<string, unknown>> {
  // Resolved as an import from beside it would be, and imported by Node itself: it brings its own idea of core.
  const jiti = createJiti(import.meta.url);
  const url = jiti.esmResolve(packageName, pathToFileURL(`${folder}/package.json`).href);
  return (await import(url)) as Record<string, unknown>;
}

/**
 * What a package of another kind than plugins exports, found as plugins are: installed under its prefix, or a path.
 * @param prefix `likeness-metric-`
 * @param modules packages whose running copies a path's file gets, beside core
 * @throws PluginError when nothing of the name is installed, or it cannot be loaded
 */
export async function loadExtension(
  name: string,
  {
    cwd,
    prefix,
    modules = {},
  }: {
    readonly cwd: string;
    readonly prefix: string;
    readonly modules?: Readonly<Record<string, unknown>>;
  },
): Promise<Record<string, unknown>> {
  if (isPath(name)) return loaded(() => loadModule(resolve(cwd, name), modules), name);
  const installed = installedPlugins(cwd, prefix);
  const found = installed.find((one) => one.name === name || one.packageName === name);
  if (found) return loaded(() => importInstalled(found), `${found.packageName} at ${found.folder}`);
  const known = installed.map((one) => one.name);
  throw new PluginError('no such package', {
    code: 'plugin/not-found',
    where: name,
    expected: `an installed package ${prefix}NAME or @scope/${prefix}NAME, or a path that starts with ./`,
    got: `${known.join(', ') || 'none installed'}${didYouMean(name, known)}`,
  });
}

/** Before it is loaded: a second copy of core brings a second TensorFlow.js, which fills the screen with complaints. */
function refuseOtherCore(name: string, folder: string): void {
  const coreFrom = (place: string): string | undefined => {
    try {
      return realpathSync(createRequire(place).resolve('@likeness/core'));
    } catch {
      return undefined;
    }
  };
  const [ours, theirs] = [coreFrom(import.meta.url), coreFrom(join(realpathSync(folder), 'package.json'))];
  if (ours === undefined || theirs === undefined || ours === theirs) return;
  throw otherCore(`plugin ${name} (${folder})`, ours, theirs);
}

async function loadPath(path: string): Promise<Plugin> {
  return pluginOf(await loaded(() => loadModule(path), path), path);
}

async function loaded(
  load: () => Promise<Record<string, unknown>>,
  where: string,
): Promise<Record<string, unknown>> {
  try {
    return await load();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PluginError(`it cannot be loaded: ${reason}`, {
      code: 'plugin/not-loadable',
      where: `plugin ${where}`,
      cause: error,
    });
  }
}

/** The plugin a module exports: its default export, or the only plugin among its exports, or the one of that name. */
function pluginOf(module: Record<string, unknown>, where: string, name?: string): Plugin {
  const candidates = [...new Set([module['default'], ...Object.values(module)])].filter(
    (value) => isPlugin(value) || isPluginFactory(value),
  );
  const nameOf = (value: Plugin | PluginFactory): string => (isPlugin(value) ? value.name : value.pluginName);
  const named = candidates.filter((value) => nameOf(value) === name);
  const [only] = named.length > 0 ? named : candidates;
  if (only === undefined || (named.length === 0 && candidates.length > 1)) {
    throw new PluginError(candidates.length > 1 ? 'it exports several plugins' : 'it exports no plugin', {
      code: 'plugin/no-plugin',
      where: `plugin ${where}`,
      expected: 'export default definePlugin({ … })',
      got:
        candidates.length > 1
          ? candidates.map(nameOf).join(', ')
          : `exports ${Object.keys(module).join(', ') || 'nothing'}`,
    });
  }
  requireThisCore(only, where);
  return isPlugin(only) ? only : only();
}
