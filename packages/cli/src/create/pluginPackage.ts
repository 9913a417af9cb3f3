// Writes the package of a new plugin: files of templates/plugin/, common ones and those of its kind, under its own name.
import { existsSync } from 'node:fs';
import { mkdtemp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError, knownPluginNames } from '@likeness/core';
import { builtIns } from '../composition.ts';
import { templatesDir } from '../templatesDir.ts';
import { VERSION } from '../version.ts';

export const PLUGIN_KINDS = ['method', 'loss'] as const;
export type PluginKind = (typeof PLUGIN_KINDS)[number];
export const LICENSES = ['none', 'Apache-2.0'] as const;
export type License = (typeof LICENSES)[number];

export interface PluginPackageOptions {
  /** What recipes will call it. */
  readonly name: string;
  readonly kind: PluginKind;
  readonly license: License;
  /** Folder to make the package's folder in. */
  readonly parent: string;
}

/** How templates call the plugin, in code, texts and file names. */
const PLACEHOLDER = 'my-plugin';
/** npm's limit for the name of a package. */
const LONGEST_PACKAGE_NAME = 214;

/**
 * Makes `likeness-plugin-NAME`, whole or not at all.
 * @returns the folder
 * @throws ConfigError when the name cannot be a plugin's, is taken, or there is such a folder already
 */
export async function createPluginPackage({
  name,
  kind,
  license,
  parent,
}: PluginPackageOptions): Promise<string> {
  checkName(name, parent);
  const folder = join(parent, `likeness-plugin-${name}`);
  if (existsSync(folder)) {
    throw new ConfigError('there is something of this name already, and it stays as it is', {
      code: 'file/exists',
      where: folder,
      hint: 'choose another name, or another folder with --in',
    });
  }
  await mkdir(parent, { recursive: true });
  const unfinished = await mkdtemp(join(parent, `.likeness-plugin-${name}-`));
  try {
    for (const part of ['common', kind])
      await copyTemplate(join(templatesDir, 'plugin', part), unfinished, name);
    await finishManifest(join(unfinished, 'package.json'), license);
    if (license === 'none') await rm(join(unfinished, 'LICENSE'));
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

function checkName(name: string, cwd: string): void {
  const where = `pipeline create plugin ${name}`;
  const isName = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name);
  if (
    !isName ||
    name.startsWith('likeness-plugin-') ||
    name.length + 'likeness-plugin-'.length > LONGEST_PACKAGE_NAME
  ) {
    throw new ConfigError('a plugin cannot be called so', {
      where,
      expected: 'lower-case words joined by dashes, as recipes will say it: custom-diffusion',
      got: name,
      ...(name.startsWith('likeness-plugin-')
        ? { hint: 'leave likeness-plugin- out: the package gets it' }
        : {}),
    });
  }
  if (knownPluginNames(builtIns, cwd).includes(name)) {
    throw new ConfigError('there is a plugin of this name already', {
      code: 'plugin/bad-name',
      where,
      expected: 'a name that pipeline plugins does not list',
      got: name,
    });
  }
}

/** What may not have its own name inside a package: npm leaves the one out, and takes the other for a package's. */
const RENAMED: Readonly<Record<string, string>> = {
  gitignore: '.gitignore',
  'manifest.json': 'package.json',
};

async function copyTemplate(from: string, to: string, name: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const path = source.slice(from.length + 1);
    const target = join(to, RENAMED[path] ?? path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, (await readFile(source, 'utf8')).replaceAll(PLACEHOLDER, name));
  }
}

interface Manifest {
  license: string;
  peerDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

/** Our packages in this command's version: with them the template was tested. */
async function finishManifest(path: string, license: License): Promise<void> {
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  for (const dependencies of [manifest.peerDependencies, manifest.devDependencies]) {
    for (const dependency of Object.keys(dependencies)) {
      if (dependency.startsWith('@likeness/')) dependencies[dependency] = `^${VERSION}`;
    }
  }
  if (license !== 'none') manifest.license = license;
  await writeFile(path, `${JSON.stringify(manifest, undefined, 2)}\n`);
}
