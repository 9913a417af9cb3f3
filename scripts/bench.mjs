// `npm run bench -- <name> …`: sets up and runs packages/*/bench/<name>.ts.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, runAsCommand, SetUpError } from './setup.mjs';
import { runWithSetUp } from './with-setup.mjs';

const benches = new Map(
  readdirSync(join(ROOT, 'packages')).flatMap((name) => {
    const folder = join('packages', name, 'bench');
    const files = existsSync(join(ROOT, folder)) ? readdirSync(join(ROOT, folder)) : [];
    return files
      .filter((file) => /^[^.]+\.ts$/.test(file))
      .map((file) => file.replace(/\.ts$/, ''))
      .map((bench) => [bench, join('packages', name, 'dist', 'bench', `${bench}.js`)]);
  }),
);

const [name, ...args] = process.argv.slice(2);
await runAsCommand(() => {
  const entry = benches.get(name);
  if (entry === undefined)
    throw new SetUpError(`usage: npm run bench -- ${[...benches.keys()].join(' | ') || '(none yet)'}`);
  return runWithSetUp(entry, args);
});
