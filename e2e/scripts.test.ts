// The clone's own commands, as the README has them, on a machine that has Node and what builds TensorFlow's binding, and
// nothing else: no pnpm, git, Redis, TypeScript or browser. A fresh copy, so that set-up does all of its work.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TINY } from './support/pipeline.ts';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap((match) => (match[1] ?? '').trim().split('\n'))
  .filter((line) => line.startsWith('npm '));

const TOOLS = ['node', 'npm', 'python3', 'make', 'g++'];
/** What those call. */
const CALLED = ['sh', 'env', 'as', 'ld', 'ar', 'gcc', 'cc', 'c++', 'bash'];
const COREUTILS = [
  ...[
    'basename',
    'cat',
    'chmod',
    'cp',
    'cut',
    'dirname',
    'expr',
    'head',
    'id',
    'ln',
    'ls',
    'mkdir',
    'mktemp',
    'mv',
  ],
  ...[
    'pwd',
    'readlink',
    'realpath',
    'rm',
    'rmdir',
    'sort',
    'tail',
    'test',
    'touch',
    'tr',
    'true',
    'uname',
    'wc',
  ],
];

/** Not of a clone: what set-up, builds and runs leave behind. */
const LEFT_BEHIND = new Set(['node_modules', 'dist', '.cache', '.git', 'runs']);

/** What makes each command short; everything set-up does stays. */
const SHORTER: Readonly<Record<string, readonly string[]>> = {
  start: ['--', '--max-train-steps', '1', '--num-class-images', '1', ...TINY],
  test: ['--', 'packages/core/src/config/configFile.test.ts'],
};

describe('a clone on a machine with only Node', () => {
  let folder: string;
  let clone: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'likeness-clone-'));
    clone = join(folder, 'likeness');
    cpSync(root, clone, { recursive: true, filter: (path) => !LEFT_BEHIND.has(basename(path)) });
    const few = join(clone, 'few-fixtures', 'torch-rng');
    cpSync(join(root, 'fixtures', 'torch-rng'), few, { recursive: true });
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const tool of [...TOOLS, ...CALLED, ...COREUTILS]) {
      // python3 may be a script of a version manager, which wants tools of its own.
      const found = tool === 'python3' ? interpreter() : onPath(tool);
      if (found !== undefined) symlinkSync(found, join(bin, tool));
    }
    // npm finds its own files from where it lies.
    const { PATH: _, NODE_OPTIONS: __, LIKENESS_PNPM: ___, LIKENESS_PACKED: ____, ...rest } = process.env;
    env = { ...rest, PATH: bin, CI: '1', NO_COLOR: '1' };
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (words: readonly string[]): { code: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync('npm', words, { cwd: clone, env, encoding: 'utf8' });
    return { code: status, output: stdout + stderr };
  };

  it('has none of the tools that a developer may have', () => {
    for (const tool of ['pnpm', 'git', 'redis-server', 'tsc', 'chromium'])
      expect(spawnSync(tool, ['--version'], { env }).error, tool).toBeDefined();
  });

  it('has commands in the README', () => {
    expect(commands).toEqual(expect.arrayContaining(['npm start', 'npm test', 'npm run parity -- fixtures']));
  });

  it.each(commands)('%s', (line) => {
    const [, ...words] = line.replace('parity -- fixtures', 'parity -- few-fixtures').split(' ');
    const name = words[0] === 'run' ? words[1] : words[0];
    const { code, output } = run([...words, ...(SHORTER[name ?? ''] ?? [])]);
    expect(code, output).toBe(0);
  });

  it.each([
    ['doodle-data', '--', 'drawn', '--count', '2'],
    ['fixtures', '--', '--help'],
    ['interop', '--', '--help'],
  ])('npm run %s works', (...words) => {
    const { code, output } = run(['run', ...words]);
    expect(code, output).toBe(0);
  });

  it.each([
    [['bench'], 'usage: npm run bench'],
    [['interop'], 'npm run fixtures -- environment'],
  ])('npm run %s says what it wants', (words, expected) => {
    const { code, output } = run(['run', ...words]);
    expect(code).toBe(1);
    expect(output).toContain(expected);
  });
});

function interpreter(): string {
  const args = ['-I', '-c', 'import sys; print(sys.executable)'];
  return spawnSync('python3', args, { encoding: 'utf8' }).stdout.trim();
}

/** Where a command lies, as the shell would find it. A link in its folder keeps working: npm's is one itself. */
function onPath(name: string): string | undefined {
  const folders = [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders
    .map((each) => join(each, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
