// A folder that is whole or absent: filled under a temporary name, sealed with a manifest, then renamed.
// A process killed at any moment leaves a temporary folder at worst, and whatever a crash of the machine tears is
// found by the manifest's sizes and hashes.
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asFileError, FileError, isFileSystemError, withFileErrors } from '../errors.ts';

export const MANIFEST = 'manifest.json';
const TEMPORARY = '.unfinished-';
/** What stood where another folder was to stand, between two renames. */
const ASIDE = /^\.unfinished-(.+)-[0-9a-f]{8}-old$/;

/** What a sealed folder says about itself. */
export interface Manifest {
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  /** What its maker wrote beside the files: what it was made from. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** A folder being filled. */
export interface UnfinishedFolder {
  /** Temporary; write files into it. */
  readonly folder: string;
  /** The name it will have. */
  readonly target: string;
  /** Seals it and gives it its name, in place of what stood there. */
  commit(): Promise<Manifest>;
  abandon(): Promise<void>;
}

/**
 * Starts a folder that will appear as `target` once it is whole.
 * @throws FileError when it cannot be written there
 */
export async function beginFolder(
  target: string,
  about: Readonly<Record<string, unknown>> = {},
): Promise<UnfinishedFolder> {
  const folder = join(dirname(target), `${TEMPORARY}${basename(target)}-${randomBytes(4).toString('hex')}`);
  await withFileErrors(target, () => mkdir(folder, { recursive: true }));
  return {
    folder,
    target,
    commit: () =>
      withFileErrors(target, async () => {
        const manifest: Manifest = { files: await hashFiles(folder), about };
        await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 1)}\n`);
        await replaceFolder(folder, target);
        return manifest;
      }),
    abandon: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * The manifest of a whole folder; undefined when it is absent, unsealed, or not what the manifest says.
 * @param check `sizes` is quick, `contents` reads every byte
 */
export async function readWholeFolder(
  folder: string,
  check: 'sizes' | 'contents',
): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
    for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
      const path = join(folder, name);
      if ((await stat(path)).size !== bytes) return undefined;
      if (check === 'contents' && (await hashFile(path)) !== sha256) return undefined;
    }
    return manifest;
  } catch {
    // Absent, torn or no JSON: in each case not whole.
    return undefined;
  }
}

/**
 * Removes what killed processes left unfinished in a folder nobody else writes to, or what is older than any work. What
 * was moved aside for something that never came is put back.
 */
export async function removeUnfinished(
  folder: string,
  olderThanMs = Number.NEGATIVE_INFINITY,
): Promise<void> {
  const names = await namesIn(folder);
  for (const name of names) {
    if (!name.startsWith(TEMPORARY)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs < olderThanMs) continue;
    const replaced = ASIDE.exec(name)?.[1];
    if (replaced !== undefined && !names.includes(replaced)) await rename(path, join(folder, replaced));
    else await rm(path, { recursive: true, force: true });
  }
}

/** Names in a folder without unfinished ones, sorted; none when it is absent. */
export async function finishedNames(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => !name.startsWith(TEMPORARY)).sort();
}

/**
 * Writes a file under a temporary name and renames it.
 * @throws FileError when it cannot be written there
 */
export async function writeFileWhole(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `${TEMPORARY}${basename(path)}-${randomBytes(4).toString('hex')}`);
  await withFileErrors(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeFile(temporary, data);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

/** The lock of whoever makes a folder; named like an unfinished one, so that nobody takes it for a thing. */
export const lockOf = (target: string): string =>
  join(dirname(target), `${TEMPORARY}${basename(target)}.lock`);

export function bytesOf({ files }: Manifest): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Renames over a folder that may be there: the old one is moved aside first, since only an empty one is replaced. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const aside = `${from}-old`;
  await rename(to, aside).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  await rename(from, to);
  await rm(aside, { recursive: true, force: true });
}

async function hashFiles(folder: string): Promise<Manifest['files']> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files: [string, { bytes: number; sha256: string }][] = [];
  for (const path of paths.sort()) {
    const name = path.slice(folder.length + 1).replaceAll('\\', '/');
    files.push([name, { bytes: (await stat(path)).size, sha256: await hashFile(path) }]);
  }
  return Object.fromEntries(files);
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
}

/**
 * Runs what fills an unfinished folder. What the file system refuses is told with the path the user knows: that of the
 * folder to come, not of the temporary one.
 */
export async function fillFolder(
  { folder, target }: Pick<UnfinishedFolder, 'folder' | 'target'>,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  try {
    await work(folder);
  } catch (thrown) {
    const path = isFileSystemError(thrown) ? (thrown.path ?? target) : undefined;
    const error = asFileError(thrown, path);
    if (!(error instanceof FileError) || error.where?.includes(folder) !== true) throw error;
    const { summary, code, where, got, hint, cause } = error;
    throw new FileError(summary, { code, where: where.replaceAll(folder, target), got, hint, cause });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
