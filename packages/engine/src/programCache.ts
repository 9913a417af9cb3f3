// Compiled programs kept from run to run. TensorFlow writes what XLA made into a folder and finds it there by the
// program itself; the folder's name stands for everything else that machine code depends on.
import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
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
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeFileWhole } from './files/durable.ts';
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

/** A program that was written just now may be another process's that has not noted its hash yet. */
const YOUNG_MS = 10_000;

/**
 * The folder (for `TF_XLA_FLAGS`, see `programCacheFlags`) that keeps compiled programs under `cache`; undefined where
 * that cannot work. What was not used for longest is removed first.
 */
export function programFolder(
  install: Pick<TensorFlowInstall, 'version' | 'variant'>,
  threads: number,
  xlaFlags = '',
  cache = cacheDir(),
  maxBytes = MAX_BYTES,
): string | undefined {
  // For a GPU the folder's name would have to hold its type and driver.
  if (install.variant !== 'cpu') return undefined;
  const programs = join(cache, 'programs');
  const key = createHash('sha256').update(
    JSON.stringify([install.version, threads, availableParallelism(), xlaFlags, processor()]),
  );
  const folder = join(programs, key.digest('hex').slice(0, 16));
  try {
    mkdirSync(folder, { recursive: true });
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < LEAST_FREE_BYTES) return undefined;
    prune(programs, maxBytes);
  } catch {
    return undefined; // no place to write: programs are compiled in every run
  }
  return folder;
}

export const programCacheFlags = (folder: string | undefined): string =>
  folder === undefined ? '' : `--tf_xla_persistent_cache_directory='${folder}'`;

/** Hashes of programs stand in a folder beside theirs, since every file in that is TensorFlow's. */
const sumFile = (folder: string, name: string): string => join(`${folder}.sha256`, name);

/**
 * Throws away programs whose bytes are not those that were noted: machine code with one wrong bit ends the process that
 * runs it. They are compiled again, which is all that is lost, so nothing is told. So are those of a process that was
 * killed before it noted their hash.
 */
export async function verifyPrograms(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    try {
      const noted = await readFile(sumFile(folder, name), 'utf8').catch(() => undefined);
      const isYoung = Date.now() - (await stat(path)).mtimeMs < YOUNG_MS;
      const isRight = noted === undefined ? isYoung && isWhole(path) : noted === (await hashOf(path));
      if (!isRight) for (const file of [path, sumFile(folder, name)]) await rm(file, { force: true });
    } catch {
      // Another process removed it in between.
    }
  }
}

/** Notes the hashes of programs that were compiled since, and forgets those of programs that are gone. */
export async function notePrograms(folder: string): Promise<void> {
  try {
    const names = await readdir(folder);
    await mkdir(`${folder}.sha256`, { recursive: true });
    const noted = await readdir(`${folder}.sha256`);
    for (const name of names)
      if (!noted.includes(name))
        await writeFileWhole(sumFile(folder, name), await hashOf(join(folder, name)));
    for (const name of noted) if (!names.includes(name)) await rm(sumFile(folder, name), { force: true });
  } catch {
    // No place to write: they are compiled again in the next run.
  }
}

async function hashOf(path: string): Promise<string> {
  const { atime, mtime } = await stat(path);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  await utimes(path, atime, mtime); // looking is no use: what is left unused goes first
  return hash.digest('hex');
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
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('.sha256'))
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
