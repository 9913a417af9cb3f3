// `npm test`: sets everything up, then all checks; `npm test -- <files>` only the tests in those files. The
// last line is the sum: every vitest test counts as one, and so does every other check.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PACKED_DIR, packPackages } from './pack.mjs';
import { redisServer } from './redis.mjs';
import { pnpmCommand, ROOT, runAsCommand, setUp, WORK_DIR } from './setup.mjs';

const total = { passed: 0, failed: 0 };
const failures = [];

await runAsCommand(async () => {
  await setUp();
  const files = process.argv.slice(2);
  if (files.length > 0) {
    if (files.some((file) => /(^|\/)e2e\//.test(file))) packPackages();
    tests('tests', files);
  } else {
    check('eslint', ['eslint', '.']);
    check('prettier', ['prettier', '--check', '.', '--log-level', 'warn']);
    check('types', ['tsc', '-p', 'tsconfig.json']);
    check('knip', ['knip']);
    attempt('a Redis for tests', redisServer);
    tests('packages', ['--project', 'packages']);
    tests('fuzz', ['--project', 'fuzz']);
    packedChecks();
  }
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
});

/** What is published: well-formed for every resolver, and working when installed elsewhere. */
function packedChecks() {
  const tarballs = attempt('pack', packPackages);
  if (tarballs === undefined) return;
  for (const tarball of tarballs) {
    const name = basename(tarball, '.tgz');
    check(`publint ${name}`, ['publint', '--strict', tarball]);
    check(`attw ${name}`, ['attw', '--profile', 'esm-only', '--no-emoji', '--format', 'ascii', tarball]);
  }
  tests('e2e', ['--project', 'e2e', '--passWithNoTests']);
}

/** Runs an installed command; its output is shown when it fails. */
function check(name, [command, ...args]) {
  const start = Date.now();
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules', '.bin', command), args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) console.log(stdout + stderr);
  count(name, status === 0, start);
}

function attempt(name, work) {
  const start = Date.now();
  try {
    const result = work();
    count(name, true, start);
    return result;
  } catch (error) {
    console.log(error.message);
    count(name, false, start);
    return undefined;
  }
}

/** Runs vitest and adds up its report. A file that cannot even be loaded counts as one failed test. */
function tests(name, args) {
  const start = Date.now();
  const report = join(WORK_DIR, `vitest-${name}.json`);
  rmSync(report, { force: true });
  const { status } = spawnSync(
    join(ROOT, 'node_modules', '.bin', 'vitest'),
    ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, LIKENESS_PACKED: PACKED_DIR, LIKENESS_PNPM: pnpmCommand() },
    },
  );
  if (!existsSync(report)) {
    count(`vitest (${name})`, status === 0, start);
    return;
  }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
  );
  total.passed += numPassedTests;
  total.failed += numFailedTests + broken.length;
  const failed = testResults.flatMap((file) =>
    file.assertionResults.filter((result) => result.status === 'failed'),
  );
  failures.push(...failed.map(({ fullName }) => fullName), ...broken.map((file) => file.name));
  // An unhandled error fails the run though every test passed.
  if (status !== 0 && numFailedTests + broken.length === 0) count(`vitest (${name})`, false, start);
}

function count(name, passed, start) {
  total[passed ? 'passed' : 'failed'] += 1;
  if (!passed) failures.push(name);
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name}  ${((Date.now() - start) / 1000).toFixed(1)} s`);
}
