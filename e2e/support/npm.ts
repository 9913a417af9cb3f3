// npm as somebody types it in a package of their own, where ours are not on any registry yet: their tarballs stand in.
import { spawnSync } from 'node:child_process';
import { tarballs } from './installed.ts';

export interface Said {
  readonly code: number | null;
  /** stdout, then stderr. */
  readonly output: string;
}

export function npm(cwd: string, ...args: string[]): Said {
  // Here a test runs tests: what runs inside must not take itself for a part of it.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const said = spawnSync('npm', args, { cwd, encoding: 'utf8', env: { ...env, NO_COLOR: '1', CI: '1' } });
  return { code: said.status, output: said.stdout + said.stderr };
}

/** `npm install`, and further tarballs. */
export function npmInstall(cwd: string, ...more: string[]): Said {
  const flags = ['--no-save', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'];
  return npm(cwd, 'install', ...flags, ...tarballs(), ...more);
}
