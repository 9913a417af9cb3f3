// Packs every package as it would be published: declarations built, `workspace:` and `catalog:` resolved.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildPackages, onceFor, pnpmCommand, ROOT, sourceHash, WORK_DIR } from './setup.mjs';

/** Where the tarballs lie; tests are told through `LIKENESS_PACKED`. */
export const PACKED_DIR = join(WORK_DIR, 'packed');

/** @returns {string[]} Paths of the tarballs, one a package. */
export function packPackages() {
  onceFor('packed', sourceHash(), existsSync(PACKED_DIR), () => {
    rmSync(PACKED_DIR, { recursive: true, force: true });
    mkdirSync(PACKED_DIR, { recursive: true });
    const start = Date.now();
    buildPackages({ declarations: true });
    removeOlder(start);
    const pnpm = pnpmCommand();
    for (const name of readdirSync(join(ROOT, 'packages'))) {
      const cwd = join(ROOT, 'packages', name);
      if (!existsSync(join(cwd, 'package.json'))) continue;
      const { status, stderr } = spawnSync(pnpm, ['pack', '--pack-destination', PACKED_DIR], {
        cwd,
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`packages/${name} could not be packed\n${stderr}`);
    }
    buildPackages(); // the build for daily work has benches and source maps, which are not packed
  });
  return readdirSync(PACKED_DIR)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => join(PACKED_DIR, name));
}

/** What earlier builds left in `dist`; the folders themselves stay, since something may be running from them. */
function removeOlder(time) {
  for (const name of readdirSync(join(ROOT, 'packages'))) {
    const dist = join(ROOT, 'packages', name, 'dist');
    if (!existsSync(dist)) continue;
    for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && statSync(path).mtimeMs < time) rmSync(path);
    }
  }
}
