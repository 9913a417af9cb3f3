// Compiled programs kept from run to run. TensorFlow writes what XLA made into a folder and finds it there by the
// program itself; the folder's name stands for everything else that machine code depends on.
import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { cacheDir, type TensorFlowInstall } from './install/index.ts';

/** What all folders together may hold: hundreds of small programs, or tens of large ones. */
const MAX_BYTES = 2 * 2 ** 30;
/** Nothing is written to a disk that is nearly full: a failed write would fail the step. */
const LEAST_FREE_BYTES = 2 ** 30;
const DAY_MS = 24 * 60 * 60 * 1000;

interface Stored {
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/**
 * Flags (for `TF_XLA_FLAGS`) that keep compiled programs under `cache`; none where that cannot work. Damaged files and
 * what was not used for longest are removed first.
 */
export function programCacheFlags(
  install: Pick<TensorFlowInstall, 'version' | 'variant'>,
  threads: number,
  xlaFlags = '',
  cache = cacheDir(),
  maxBytes = MAX_BYTES,
): string {
  // For a GPU the folder's name would have to hold its type and driver.
  if (install.variant !== 'cpu') return '';
  const programs = join(cache, 'programs');
  const key = createHash('sha256').update(
    JSON.stringify([install.version, threads, availableParallelism(), xlaFlags, processor()]),
  );
  const folder = join(programs, key.digest('hex').slice(0, 16));
  try {
    mkdirSync(folder, { recursive: true });
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < LEAST_FREE_BYTES) return '';
    for (const name of readdirSync(folder)) if (!isWhole(join(folder, name))) rmSync(join(folder, name));
    prune(programs, maxBytes);
  } catch {
    return ''; // no place to write: programs are compiled in every run
  }
  return `--tf_xla_persistent_cache_directory='${folder}'`;
}

/** Model and features of the processor: code compiled for one may not run on another. */
function processor(): unknown {
  const cores = cpus().map(({ model }) => model);
  try {
    return [cores, /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]];
  } catch {
    return [cores, process.arch];
  }
}

/**
 * Whether a file's fields (protocol buffers: number and kind, length, content) end where the file does. TensorFlow
 * refuses to run a program whose file it cannot read.
 */
export function isWhole(path: string): boolean {
  const file = openSync(path, 'r');
  const { size, atime, mtime } = fstatSync(file);
  try {
    const head = Buffer.alloc(11); // a field's number and a length of up to 10 bytes
    let [at, fields] = [0, 0];
    while (at < size) {
      readSync(file, head, 0, head.length, at);
      const isText = head[0] !== undefined && (head[0] & 7) === 2;
      const lengthBytes = head.subarray(1).findIndex((byte) => byte < 128) + 1;
      if (!isText || lengthBytes === 0) return false;
      const length = head
        .subarray(1, 1 + lengthBytes)
        .reduce((sum, byte, i) => sum + (byte & 127) * 128 ** i, 0);
      at += 1 + lengthBytes + length;
      fields += 1;
    }
    return at === size && fields >= 3; // key, program, machine code
  } finally {
    futimesSync(file, atime, mtime); // looking is no use: what is left unused goes first
    closeSync(file);
  }
}

/** Removes the longest unused files until the rest fits; what was used today may be in use. */
function prune(programs: string, maxBytes: number): void {
  const stored = readdirSync(programs, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): Stored => {
      const path = join(entry.parentPath, entry.name);
      const { size, atimeMs, mtimeMs } = statSync(path);
      return { path, bytes: size, usedMs: Math.max(atimeMs, mtimeMs) };
    })
    .sort((a, b) => b.usedMs - a.usedMs);
  let kept = 0;
  for (const { path, bytes, usedMs } of stored) {
    kept += bytes;
    if (kept > maxBytes && Date.now() - usedMs > DAY_MS) rmSync(path, { force: true });
  }
}
