// `npm run fixtures`: rebuilds the reference's numbers with the Python stack they were made with, and tells what differs
// from the committed ones. See fixtures/README.md.

import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { GENERATE, givenPython, referencePython } from './python.mjs';
import { ROOT, runAsCommand, SetUpError, WORK_DIR } from './setup.mjs';

const USAGE = `usage: npm run fixtures -- [command] [options]

commands:
  rebuild [NAME …]   all fixtures, or those of some generators, and what differs from the committed ones (default)
  compare            what differs between the rebuilt and the committed ones
  verify             recomputes the rebuilt ones along other paths
  cases              models and adapters as other tools save them
  environment        only the Python environment; prints its interpreter

options:
  --out FOLDER       where to write (default: .cache/fixtures, for cases .cache/cases)
  --python PYTHON    an interpreter that has the packages of fixtures/generate/requirements.txt; default: one made in
                     .cache/python (3 GB to fetch, once)`;
const COMMANDS = ['rebuild', 'compare', 'verify', 'cases', 'environment'];

await runAsCommand(() => {
  const { values, positionals } = arguments_();
  const [command = 'rebuild', ...names] = positionals;
  if (values.help) return console.log(USAGE);
  if (!COMMANDS.includes(command)) throw new SetUpError(`${command} is no command\n\n${USAGE}`);
  if (names.length > 0 && command !== 'rebuild')
    throw new SetUpError(`${command} takes no names\n\n${USAGE}`);
  const python = values.python === undefined ? referencePython() : givenPython(values.python);
  if (command === 'environment') return console.log(python);
  const base = process.env['INIT_CWD'] ?? process.cwd();
  const out = values.out ?? join(WORK_DIR, command === 'cases' ? 'cases' : 'fixtures');
  const { status, error } = spawnSync(python, ['-I', '-B', GENERATE, command, resolve(base, out), ...names], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (error !== undefined) throw new SetUpError(`${python} could not be started: ${error.message}`);
  process.exitCode = status ?? 1;
});

function arguments_() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { out: { type: 'string' }, python: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new SetUpError(`${error.message}\n\n${USAGE}`);
  }
}
