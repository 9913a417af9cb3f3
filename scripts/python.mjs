// Python with the reference stack (diffusers, PEFT, torch), which makes the fixtures and opens what we export. Nothing
// that users run needs it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onceFor, ROOT, SetUpError, WORK_DIR } from './setup.mjs';

export const GENERATE = join(ROOT, 'fixtures', 'generate');
const REQUIREMENTS = join(GENERATE, 'requirements.txt');
const ENVIRONMENT = join(WORK_DIR, 'python');
/** pip's packages of torch for Linux bring CUDA along, wanted or not. */
const SIZE = '3 GB to fetch, 6 GB on disk';

/** Makes the environment in .cache/python (or takes the one that is there). @returns its interpreter */
export function referencePython() {
  const python = join(ENVIRONMENT, 'bin', 'python');
  mkdirSync(WORK_DIR, { recursive: true });
  onceFor('python', readFileSync(REQUIREMENTS, 'utf8'), existsSync(python), () => {
    console.error(`fixtures: making a Python environment in ${ENVIRONMENT} (${SIZE})`);
    rmSync(ENVIRONMENT, { recursive: true, force: true });
    // -I: a file called venv.py or pip.py in the working folder is not run instead.
    runPython(
      'python3',
      ['-m', 'venv', ENVIRONMENT],
      'on Debian and Ubuntu, `sudo apt-get install python3-venv`',
    );
    const options = ['--disable-pip-version-check', '--quiet', '--requirement', REQUIREMENTS];
    runPython(python, ['-m', 'pip', 'install', ...options], 'Python 3.11 to 3.13 has all these packages');
  });
  return python;
}

/** A path as somebody typed it: from where they stand, or a name on the PATH. */
export function givenPython(text) {
  const base = process.env['INIT_CWD'] ?? process.cwd();
  return text.includes('/') ? resolve(base, text) : text;
}

/** Runs the isolated interpreter, its output on stderr. @throws SetUpError with the hint when it fails */
function runPython(python, args, hint) {
  const { status, error } = spawnSync(python, ['-I', ...args], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (error?.code === 'ENOENT')
    throw new SetUpError(`${python} was not found\n  hint: install Python 3.11 or newer`);
  if (status !== 0) throw new SetUpError(`${python} -I ${args.join(' ')} failed, see above\n  hint: ${hint}`);
}
