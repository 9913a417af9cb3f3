// What the file system refuses, as errors a person can act on; and JSON from files, read so that damage is told.
import { readFile } from 'node:fs/promises';
import { DataError, FileError } from './errors.ts';

/** What the system says (errno), as a code of ours, in words, and what to do. */
const REFUSALS: Readonly<Record<string, { code: string; summary: string; hint?: string }>> = {
  ENOSPC: {
    code: 'file/no-space',
    summary: 'the disk is full',
    hint: 'make room, then run the same command again',
  },
  EDQUOT: {
    code: 'file/no-space',
    summary: 'your quota of disk space is used up',
    hint: 'make room, then run the same command again',
  },
  EACCES: {
    code: 'file/no-permission',
    summary: 'no permission',
    hint: 'check who owns it and its permissions (ls -ld)',
  },
  EPERM: {
    code: 'file/no-permission',
    summary: 'not permitted',
    hint: 'check who owns it and its permissions (ls -ld)',
  },
  EROFS: {
    code: 'file/read-only',
    summary: 'the file system is read-only',
    hint: 'choose a folder on another disk',
  },
  EEXIST: {
    code: 'file/exists',
    summary: 'it exists already, and is no folder',
    hint: 'choose another name',
  },
  ENOTDIR: {
    code: 'file/not-a-folder',
    summary: 'part of the path is a file, not a folder',
    hint: 'check the path',
  },
  EISDIR: {
    code: 'file/is-a-folder',
    summary: 'it is a folder, and a file was expected',
    hint: 'check the path',
  },
  ENOENT: { code: 'file/missing', summary: 'no such file or folder', hint: 'check the path' },
  ENOTEMPTY: { code: 'file/not-empty', summary: 'the folder is not empty', hint: 'choose another folder' },
  EMFILE: {
    code: 'file/too-many-open',
    summary: 'too many open files',
    hint: 'raise the limit (ulimit -n 4096), then run the same command again',
  },
  ENFILE: {
    code: 'file/too-many-open',
    summary: 'the machine has too many open files',
    hint: 'close other programs, then run the same command again',
  },
  ENAMETOOLONG: {
    code: 'file/name-too-long',
    summary: 'the name is too long',
    hint: 'choose a shorter name',
  },
  ELOOP: { code: 'file/link-loop', summary: 'a symbolic link leads back to itself', hint: 'check the link' },
  EIO: {
    code: 'file/io',
    summary: 'the device reports an input/output error',
    hint: 'check the disk, then run the same command again',
  },
  EFBIG: {
    code: 'file/too-large',
    summary: 'the file is too large for this file system',
    hint: 'choose a folder on another disk',
  },
  EBUSY: {
    code: 'file/busy',
    summary: 'something else uses it',
    hint: 'close what uses it, then run the same command again',
  },
  ETXTBSY: {
    code: 'file/busy',
    summary: 'something else uses it',
    hint: 'close what uses it, then run the same command again',
  },
  EXDEV: {
    code: 'file/other-disk',
    summary: 'it cannot be moved to another file system',
    hint: 'choose a folder on the same disk',
  },
};

/** Whether an error is the file system's, as Node reports it. */
export function isFileSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code in REFUSALS
  );
}

/**
 * An error of the file system as one of ours, with the path; anything else as it is.
 * @param path where Node's own error names none, or another than the user knows
 */
export function asFileError(error: unknown, path?: string): unknown {
  if (!isFileSystemError(error)) return error;
  const refusal = REFUSALS[error.code];
  if (refusal === undefined) return error;
  return new FileError(refusal.summary, {
    code: refusal.code,
    where: path ?? error.path ?? (error.syscall === undefined ? undefined : `while calling ${error.syscall}`),
    got: error.code,
    hint: refusal.hint,
    cause: error,
  });
}

/** Runs what touches files; what the file system refuses becomes a FileError about `path`. */
export async function withFileErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asFileError(error, path);
  }
}

/** A byte order mark, as Windows editors put it before UTF-8. */
const BOM = '\uFEFF';

/**
 * Parses JSON that came from a file; a byte order mark is no part of it.
 * @param where the file, for the error
 * @throws DataError `json/damaged` with the place
 */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text.startsWith(BOM) ? text.slice(1) : text);
  } catch (cause) {
    throw new DataError('it is not valid JSON', {
      code: 'json/damaged',
      where,
      got: text.trim() === '' ? 'an empty file' : cause instanceof Error ? cause.message : String(cause),
      hint: 'restore it, or get the file again',
      cause,
    });
  }
}

/** @throws FileError when it cannot be read, DataError when it holds no JSON */
export async function readJsonFile(path: string): Promise<unknown> {
  return parseJson(await withFileErrors(path, () => readFile(path, 'utf8')), path);
}
