// The engine's native half (`native/binding.cc`), compiled against the TensorFlow that was unpacked. One C++ file over
// Node-API, so the compiler is called directly: no node-gyp, no make, nothing written into node_modules.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../errors.ts';
import { lastLines, runCommand } from './command.ts';

const require = createRequire(import.meta.url);

/** The Node-API level of the binding; Node ≥ 20 has it, and it is the same across Node's versions. */
const NAPI_VERSION = 8;

/** Folder of the binding's C++ sources: beside `dist/` in the package, beside `src/` in the sources. */
export function bindingSourceDir(): string {
  const candidates = ['../native', '../../native'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return candidates.find(existsSync) ?? join(dirname(candidates[0] ?? ''), 'native');
}

/** Names a build of the binding: its sources, and what it is built for. */
export function bindingKey(): string {
  const hash = createHash('sha256').update(COMPILER_FLAGS.join(' '));
  for (const name of readdirSync(bindingSourceDir()).sort()) {
    hash.update(name).update(readFileSync(join(bindingSourceDir(), name)));
  }
  const target = `${process.platform}-${process.arch}-node${process.versions.modules}-napi${String(NAPI_VERSION)}`;
  return `binding-${target}-${hash.digest('hex').slice(0, 8)}`;
}

const COMPILER_FLAGS = [
  '-std=c++17',
  '-O2',
  '-fPIC',
  '-shared',
  '-fvisibility=hidden',
  `-DNAPI_VERSION=${String(NAPI_VERSION)}`,
];

/**
 * Compiles the binding to `bindingPath`, linked to the libraries in `libraryDir`, which must be
 * `../lib` from the binding's folder (the run path is relative, so the cache folder may be moved).
 *
 * @throws EngineError with the compiler's last lines.
 */
export async function compileBinding(
  compiler: string,
  { includeDir, libraryDir, bindingPath }: { includeDir: string; libraryDir: string; bindingPath: string },
): Promise<void> {
  const sourceDir = bindingSourceDir();
  const sources = readdirSync(sourceDir).filter((name) => name.endsWith('.cc'));
  const draft = `${bindingPath}.${String(process.pid)}`;
  const args = [
    ...COMPILER_FLAGS,
    `-I${includeDir}`,
    `-I${(require('node-api-headers') as { include_dir: string }).include_dir}`,
    ...sources.map((name) => join(sourceDir, name)),
    ...readdirSync(libraryDir)
      .filter((name) => name.startsWith('libtensorflow'))
      .map((name) => join(libraryDir, name)),
    ...(process.platform === 'darwin'
      ? ['-undefined', 'dynamic_lookup', '-Wl,-rpath,@loader_path/../lib'] // node's own symbols come at load time
      : ['-Wl,-rpath,$ORIGIN/../lib']),
    '-o',
    draft,
  ];
  const { status, stderr } = await runCommand(compiler, args);
  if (status !== 0) {
    rmSync(draft, { force: true });
    throw new EngineError('the TensorFlow binding could not be compiled', {
      code: 'engine/binding',
      where: `${compiler} ${args.join(' ')}`,
      details: lastLines(stderr).split('\n'),
      hint: 'a g++ 9 or clang++ 10 or newer is needed (C++17); name another compiler with CXX=…',
    });
  }
  renameSync(draft, bindingPath);
}

/** Loads the binding in a process of its own: a library that cannot load must not take this one down. */
export async function bindingVersion(bindingPath: string, libraryPaths: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runCommand(
    process.execPath,
    ['-e', 'process.stdout.write(require(process.argv[1]).TF_Version)', bindingPath],
    { env: { LD_LIBRARY_PATH: libraryPaths.join(':'), TF_CPP_MIN_LOG_LEVEL: '2' } },
  );
  if (status === 0 && stdout !== '') return stdout;
  throw new EngineError('the compiled TensorFlow binding does not load', {
    code: 'engine/binding',
    where: bindingPath,
    details: lastLines(stderr, 6).split('\n'),
    hint: 'glibc 2.27 or newer and a libstdc++ of GCC 9 or newer are needed; then run the same command again',
  });
}
