// `node scripts/with-setup.mjs <built entry> …`: sets up, then runs the entry in this very process, so that
// signals, exit status and output are its own.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ROOT, runAsCommand, SetUpError, setUp } from './setup.mjs';

/** Sets up and imports `entry` (a path from the root) as if `node <entry> …args` had been typed. */
export async function runWithSetUp(entry, args) {
  await setUp();
  const path = join(ROOT, entry);
  if (!existsSync(path)) throw new SetUpError(`${entry} is not built: there is no source for it`);
  process.argv = [process.execPath, path, ...args];
  await import(pathToFileURL(path));
}

if (fileURLToPath(import.meta.url) === process.argv[1]) {
  const [entry, ...args] = process.argv.slice(2);
  await runAsCommand(() => {
    if (entry === undefined) throw new SetUpError('usage: node scripts/with-setup.mjs <built entry> …');
    return runWithSetUp(entry, args);
  });
}
