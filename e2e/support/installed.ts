// The packed packages installed in an empty folder outside the clone, as somebody gets them.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PREFIX = 'likeness-e2e-';

export type PackageManager = 'npm' | 'pnpm';

/** Tarballs of all packages. `npm test` packs them and says where. */
export function tarballs(): string[] {
  const folder =
    process.env['LIKENESS_PACKED'] ?? resolve(import.meta.dirname, '..', '..', '.cache', 'packed');
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.tgz')) : [];
  if (found.length === 0)
    throw new Error(`no packed packages in ${folder}: npm test -- e2e/<file> packs them`);
  return found.sort().map((name) => join(folder, name));
}

/**
 * Installs the tarballs once for all test files; a folder of the same tarballs is used again.
 * @returns the folder with `node_modules`
 */
export function installed(manager: PackageManager): string {
  const files = tarballs();
  const hash = createHash('sha256').update(process.version);
  for (const file of files) hash.update(readFileSync(file));
  const name = `${PREFIX}${manager}-${hash.digest('hex').slice(0, 16)}`;
  const folder = join(tmpdir(), name);
  if (existsSync(folder)) return folder;
  for (const old of readdirSync(tmpdir())) {
    if (old.startsWith(`${PREFIX}${manager}-`)) rmSync(join(tmpdir(), old), { recursive: true, force: true });
  }
  const draft = join(tmpdir(), `${PREFIX}${manager}-unfinished`);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  install(manager, draft, files);
  renameSync(draft, folder);
  return folder;
}

/** The command as installed. */
export function commandIn(folder: string): string {
  return join(folder, 'node_modules', '@likeness', 'cli', 'bin', 'pipeline.js');
}

function install(manager: PackageManager, folder: string, files: readonly string[]): void {
  const names = files.map((file) => [packageName(file), `file:${file}`] as const);
  // Everything by its tarball, whoever asks for it: nothing of ours comes from a registry.
  const overrides = Object.fromEntries(names);
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'somebody', private: true, type: 'module', dependencies: overrides }),
  );
  if (manager === 'pnpm') {
    writeFileSync(
      join(folder, 'pnpm-workspace.yaml'),
      [
        'packages: []',
        'strictDepBuilds: false',
        'pmOnFail: ignore',
        'overrides:',
        ...names.map(([name, file]) => `  '${name}': '${file}'`),
        '',
      ].join('\n'),
    );
  }
  const args =
    manager === 'npm'
      ? ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error']
      : ['install', '--prefer-offline', '--no-frozen-lockfile'];
  // The machine may have no pnpm on its PATH: `npm test` says which one set the clone up.
  const command = manager === 'pnpm' ? (process.env['LIKENESS_PNPM'] ?? 'pnpm') : manager;
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${manager} install failed\n${error?.message ?? `${stdout}\n${stderr}`}`);
}

/** `likeness-plugin-dreambooth-0.1.0.tgz` → `@likeness/plugin-dreambooth` */
function packageName(file: string): string {
  const name = /likeness-(.+)-\d+\.\d+\.\d+[^/]*\.tgz$/.exec(file)?.[1];
  if (name === undefined) throw new Error(`not a tarball of ours: ${file}`);
  return `@likeness/${name}`;
}
