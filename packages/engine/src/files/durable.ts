// What is told as written survives a power cut: contents are flushed, then the folder that holds the name. Until then a
// system may keep both in memory for half a minute, and after a cut there is an old name, none, or an empty file.
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { withFileErrors } from '../fileErrors.ts';

/** Begins the names of what is not finished yet; nobody takes it for a result. */
export const UNFINISHED = '.unfinished-';

/** Flushes a file's contents. */
export async function flushFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Flushes the names in a folder: what was made, renamed and removed there. Not every file system lets one do it. */
export async function flushFolder(folder: string): Promise<void> {
  try {
    await flushFile(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EIO' || code === 'ENOSPC' || code === 'EDQUOT') throw error;
  }
}

/** Flushes all files and folders in a folder, and the folder. */
export async function flushTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await flushTree(path);
    else if (entry.isFile()) await flushFile(path);
  }
  await flushFolder(folder);
}

/** Makes a folder and those above it that are missing; their names are flushed. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(path); ; made = dirname(made)) {
    await flushFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}

/** A name beside a path for what is not finished. */
export function unfinishedName(target: string): string {
  return join(dirname(target), `${UNFINISHED}${basename(target)}-${randomBytes(4).toString('hex')}`);
}

/** Renames what is flushed already; the new name is flushed too. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await flushFolder(dirname(to));
}

/**
 * Writes a file that is whole or absent, and flushed when this returns. Its folder is made.
 * @throws FileError when it cannot be written there
 */
export function writeFileWhole(path: string, data: string | Uint8Array): Promise<void> {
  return withFileErrors(path, () => writeUnderOtherName(path, data));
}

async function writeUnderOtherName(path: string, data: string | Uint8Array): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = unfinishedName(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameDurably(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
