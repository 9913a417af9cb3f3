// Pictures beside those of earlier requests. A picture that is there already stays as it is: the same request gives the
// same bytes and the same file again, another one with the same name gets a number.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { withFileErrors } from '@likeness/core';

/**
 * Writes a file whole, and never over another one.
 * @param path as it is called when nothing else is; `cat-2.png`, `cat-3.png`, … otherwise
 * @returns where it lies
 * @throws FileError when it cannot be written
 */
export async function keepFile(path: string, bytes: Uint8Array): Promise<string> {
  const ending = extname(path);
  for (let number = 1; ; number++) {
    const free = number === 1 ? path : `${path.slice(0, -ending.length)}-${number}${ending}`;
    const there = await withFileErrors(free, () => readIfThere(free));
    if (there?.equals(bytes)) return free;
    if (there !== undefined) continue;
    await withFileErrors(free, () => writeWhole(free, bytes));
    return free;
  }
}

/** Makes the folder and tries that it can be written to, before anything is computed for it. */
export async function requireWritable(folder: string): Promise<void> {
  await withFileErrors(folder, async () => {
    await mkdir(folder, { recursive: true });
    const trial = join(folder, `.${randomUUID()}.tmp`);
    await writeFile(trial, '');
    await rm(trial);
  });
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
