// `npm run fuzz -- [NAME …] [--count N] [--seed S] [--case I]`: mutated inputs for the readers; see fuzz/README.md.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, runAsCommand, SetUpError, setUp } from './setup.mjs';

const TARGETS = join(ROOT, 'fuzz', 'targets');
const names = readdirSync(TARGETS)
  .filter((file) => file.endsWith('.fuzz.ts'))
  .map((file) => file.replace('.fuzz.ts', ''));

const USAGE = `usage: npm run fuzz -- [NAME …] [--count N] [--seed S] [--case I]
  targets: ${names.join(', ')}
  npm run fuzz -- ${names[0]} --count 1000000 --seed 1`;

await runAsCommand(async () => {
  const { values, positionals } = argumentsOf();
  if (values.help) {
    console.log(USAGE);
    return;
  }
  for (const name of positionals)
    if (!existsSync(join(TARGETS, `${name}.fuzz.ts`))) throw new SetUpError(`no target ${name}\n${USAGE}`);
  for (const option of ['count', 'seed', 'case'])
    if (values[option] !== undefined && !/^\d+$/.test(values[option]))
      throw new SetUpError(`--${option} is a whole number, got ${values[option]}\n${USAGE}`);
  await setUp();
  const files = (positionals.length > 0 ? positionals : names).map((name) => `fuzz/targets/${name}.fuzz.ts`);
  const { status } = spawnSync(
    join(ROOT, 'node_modules', '.bin', 'vitest'),
    ['run', '--project', 'fuzz', ...files],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: {
        ...process.env,
        ...(values.count === undefined ? {} : { FUZZ_COUNT: values.count }),
        ...(values.seed === undefined ? {} : { FUZZ_SEED: values.seed }),
        ...(values.case === undefined ? {} : { FUZZ_CASE: values.case }),
      },
    },
  );
  process.exitCode = status ?? 1;
});

function argumentsOf() {
  const text = { type: 'string' };
  try {
    return parseArgs({
      allowPositionals: true,
      options: { count: text, seed: text, case: text, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new SetUpError(`${error.message}\n${USAGE}`);
  }
}
