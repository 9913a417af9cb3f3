// What every command at the root does first: dependencies, build, TensorFlow. Plain Node without dependencies,
// since at first there are none. Each part is skipped when its inputs have not changed since it last succeeded.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { progressLine } from './progressLine.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Stamps, pnpm where there is none, packed packages: this clone's own, ignored by git. */
export const WORK_DIR = join(ROOT, '.cache');

const LEAST_NODE = [20, 19];

/** A failure somebody can mend: printed without a stack. */
export class SetUpError extends Error {}

/**
 * Makes the clone ready: `node_modules`, `packages/<name>/dist`, TensorFlow in the per-user cache.
 * @returns {Promise<void>}
 */
export async function setUp() {
  checkNode();
  process.chdir(ROOT);
  mkdirSync(WORK_DIR, { recursive: true });
  installDependencies();
  build();
  await installTensorFlow();
}

/** Runs `work`; a {@link SetUpError} or an error of ours is printed as its message, and the exit status is 1. */
export async function runAsCommand(work) {
  try {
    await work();
  } catch (error) {
    const expected = error instanceof SetUpError || String(error?.code).includes('/');
    console.error(expected ? error.message : error);
    process.exitCode = 1;
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new SetUpError(
    `Node ${LEAST_NODE.join('.')} or newer is needed\n` +
      `  got: ${process.versions.node} (${process.execPath})\n` +
      '  hint: install a current Node, for example with `nvm install 22` or from nodejs.org',
  );
}

function installDependencies() {
  const manifests = ['packages', '.']
    .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name, 'package.json')))
    .filter((path) => existsSync(join(ROOT, path)));
  const inputs = hashFiles(['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests.sort()]);
  // The Node version counts: native dependencies are chosen for it.
  onceFor(
    'dependencies',
    `${inputs} ${process.version}`,
    existsSync(join(ROOT, 'node_modules', '.modules.yaml')),
    () => {
      console.error('set-up: installing dependencies');
      run(
        pnpmCommand(),
        ['install', '--frozen-lockfile'],
        'the dependencies could not be installed; what has come is kept for the next try',
      );
    },
  );
}

/** pnpm in the version package.json names: the one on the PATH, or one of our own fetched by npm. */
export function pnpmCommand() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const version = packageManager.split('@')[1];
  if (versionOf('pnpm') === version) return 'pnpm';
  const folder = join(WORK_DIR, packageManager);
  const command = join(folder, 'node_modules', '.bin', 'pnpm');
  if (versionOf(command) !== version) {
    console.error(`set-up: fetching ${packageManager}`);
    const args = [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--loglevel',
      'error',
      packageManager,
    ];
    run('npm', args, `${packageManager} could not be fetched`);
    // npm may have been told not to run install scripts; pnpm's puts its executable into place.
    const script = join(folder, 'node_modules', 'pnpm', 'install.js');
    if (versionOf(command) !== version && existsSync(script))
      run(process.execPath, [script], 'pnpm could not be set up');
  }
  return command;
}

/** pnpm's version, asked outside the clone: inside, pnpm might exchange itself for the version wanted. */
function versionOf(command) {
  const { status, stdout } = spawnSync(command, ['--version'], {
    encoding: 'utf8',
    cwd: dirname(process.execPath),
  });
  return status === 0 ? stdout.trim() : undefined;
}

function build() {
  const built = existsSync(join(ROOT, 'packages', 'engine', 'dist', 'install.js'));
  onceFor('build', sourceHash(), built, () => {
    console.error('set-up: building the packages');
    buildPackages();
  });
}

/** Runs the build; with `declarations` as packed packages need it. */
export function buildPackages({ declarations = false } = {}) {
  const env = { ...process.env, DTS: declarations ? '1' : '' };
  run(process.execPath, [join('node_modules', 'tsup', 'dist', 'cli-default.js')], 'the build failed', env);
}

/** One hash over everything the build reads. */
export function sourceHash() {
  const sources = readdirSync(join(ROOT, 'packages')).flatMap((name) =>
    ['src', 'bench', 'data', 'templates', 'package.json', 'tensorflow.lock.json']
      .map((entry) => join('packages', name, entry))
      .filter((path) => existsSync(join(ROOT, path)))
      .flatMap((path) => (path.endsWith('.json') ? [path] : filesUnder(path)))
      .filter((path) => !path.endsWith('.test.ts') || path.includes('templates')),
  );
  return hashFiles(['tsup.config.ts', 'tsconfig.json', 'pnpm-lock.yaml', ...sources]);
}

function filesUnder(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .sort();
}

async function installTensorFlow() {
  const { ensureTensorFlow } = await import(new URL('../packages/engine/dist/install.js', import.meta.url));
  const line = progressLine();
  try {
    await ensureTensorFlow({ onProgress: line.show });
  } finally {
    line.end();
  }
}

/** Runs `work` unless it succeeded before with the same inputs and its result is still there. */
export function onceFor(name, inputs, resultIsThere, work) {
  const stamp = join(WORK_DIR, `${name}.stamp`);
  if (resultIsThere && existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return;
  rmSync(stamp, { force: true });
  work();
  writeFileSync(`${stamp}.new`, inputs);
  renameSync(`${stamp}.new`, stamp);
}

function hashFiles(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(ROOT, path)))
      .update('\0');
  return hash.digest('hex');
}

/** Runs a command with its output on stderr, so that stdout belongs to what comes after the set-up. */
function run(command, args, failure, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, env, stdio: ['ignore', 2, 2] });
  if (error?.code === 'ENOENT') {
    const hint =
      command === 'npm' ? ': it comes with Node; on Debian and Ubuntu, `sudo apt-get install -y npm`' : '';
    throw new SetUpError(`${failure}: the command ${command} was not found${hint}`);
  }
  if (status !== 0) throw new SetUpError(`${failure}: see above`);
}
