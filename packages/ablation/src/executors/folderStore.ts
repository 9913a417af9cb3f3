// A shared folder as a store. Others write into it, too: links in it are not followed, whatever they lead to, and what
// is no file is not read.
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { asFileError, DataError, writeFileWhole } from '@likeness/core';
import type { BlobStore } from './blobStore.ts';

/** Files of results are pictures and lines of text. */
export const LARGEST_BLOB_BYTES = 2 ** 30;

export function folderStore(root: string, name: string): BlobStore {
  const get = async (key: string): Promise<Uint8Array | undefined> => {
    const path = join(root, key);
    if (!(await isThere(root, key))) return undefined;
    try {
      // Between the look and this somebody may have put a link there.
      const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
      try {
        const { size } = await file.stat();
        if (size > LARGEST_BLOB_BYTES) throw tooLarge(path, size);
        return await file.readFile();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      if (codeOf(error) === 'ELOOP') throw strange(path, 'a symbolic link');
      throw asFileError(error, path);
    }
  };
  return {
    name,
    has: (key) => isThere(root, key),
    put: async (key, bytes) => {
      await isThere(root, key);
      await writeFileWhole(join(root, key), bytes);
    },
    get,
    close: () => undefined,
  };
}

/**
 * Whether there is a file under a key, with folders on the way to it.
 * @throws DataError where something else is there
 */
async function isThere(root: string, key: string): Promise<boolean> {
  const names = key.split('/');
  for (const [index] of names.entries()) {
    const path = join(root, ...names.slice(0, index + 1));
    const isLast = index === names.length - 1;
    const found = await lstat(path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw asFileError(error, path);
    });
    if (found === undefined) return false;
    if (found.isSymbolicLink()) throw strange(path, 'a symbolic link');
    if (isLast ? !found.isFile() : !found.isDirectory())
      throw strange(path, isLast ? 'no file' : 'no folder');
  }
  return true;
}

const strange = (path: string, got: string): DataError =>
  new DataError('a store of results holds what nobody of ours has put there', {
    code: 'ablation/outside',
    where: path,
    expected: 'files in folders',
    got,
    hint: 'remove it, and find out who may write there',
  });

export function tooLarge(where: string, bytes: number): DataError {
  return new DataError('a file of a result is larger than any is', {
    code: 'ablation/result-damaged',
    where,
    expected: `at most ${LARGEST_BLOB_BYTES} bytes`,
    got: String(bytes),
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
