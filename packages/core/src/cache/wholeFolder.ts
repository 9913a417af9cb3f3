// A folder that is whole or absent: filled under a temporary name, sealed with a manifest, flushed, then renamed.
// A process killed at any moment leaves a temporary folder at worst, and whatever a crash of the machine tears is
// found by the manifest's sizes and hashes.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { flushTree, renameDurably, UNFINISHED } from '@likeness/engine';
import {
  asFileError,
  FileError,
  isFileSystemError,
  LikenessError,
  readJsonFile,
  withFileErrors,
} from '../errors.ts';
import { beginDraft } from './unfinished.ts';

export const MANIFEST = 'manifest.json';

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
  const draft = await withFileErrors(target, () => beginDraft(target));
  const { folder } = draft;
  return {
    folder,
    target,
    commit: () =>
      withFileErrors(target, async () => {
        const manifest: Manifest = { files: await hashFiles(folder), about };
        await writeFile(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 1)}\n`);
        await flushTree(folder);
        await replaceFolder(folder, target);
        await draft.end();
        return manifest;
      }),
    abandon: () => draft.end(),
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
  const found = await lookAtFolder(folder, check);
  return 'manifest' in found ? found.manifest : undefined;
}

/** As `readWholeFolder`, and says what is wrong with a folder that is not whole: `weights: 12 of 92 bytes`. */
export async function lookAtFolder(
  folder: string,
  check: 'sizes' | 'contents',
): Promise<{ readonly manifest: Manifest } | { readonly damage: string }> {
  let manifest: unknown;
  try {
    manifest = await readJsonFile(join(folder, MANIFEST));
  } catch (error) {
    return { damage: `${MANIFEST}: ${damageOf(error)}` };
  }
  if (!isManifest(manifest)) return { damage: `${MANIFEST}: it lists no files` };
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const path = join(folder, name);
    try {
      const { size } = await stat(path);
      if (size !== bytes) return { damage: `${name}: ${size} bytes instead of ${bytes}` };
      if (check === 'contents' && (await hashFile(path)) !== sha256)
        return { damage: `${name}: its contents have changed since it was written` };
    } catch (error) {
      return { damage: `${name}: ${damageOf(error)}` };
    }
  }
  return { manifest };
}

function damageOf(error: unknown): string {
  const told = asFileError(error);
  if (!(told instanceof LikenessError)) throw error;
  return told.got === undefined || told instanceof FileError ? told.summary : `${told.summary} (${told.got})`;
}

/** Names that lead out of the folder are none of a manifest that we wrote. */
function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null || !('files' in value)) return false;
  const { files } = value;
  if (typeof files !== 'object' || files === null) return false;
  return Object.entries(files).every(
    ([name, file]: [string, unknown]) =>
      !isAbsolute(name) &&
      !name.split(/[\\/]/).includes('..') &&
      typeof file === 'object' &&
      file !== null &&
      'bytes' in file &&
      typeof file.bytes === 'number' &&
      'sha256' in file,
  );
}

/** The lock of whoever makes a folder; named like an unfinished one, so that nobody takes it for a thing. */
export const lockOf = (target: string): string =>
  join(dirname(target), `${UNFINISHED}${basename(target)}.lock`);

export function bytesOf({ files }: Manifest): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Renames over a folder that may be there: the old one is moved aside first, since only an empty one is replaced. */
async function replaceFolder(from: string, to: string): Promise<void> {
  const aside = `${from}-old`;
  await rename(to, aside).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  await renameDurably(from, to);
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
