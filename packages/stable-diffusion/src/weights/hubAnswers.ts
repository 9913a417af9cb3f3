// What the Hub answers, checked before it is used: names in it become paths below the cache, and nowhere else.

import { ConfigError, DataError } from '@likeness/engine';
import { z } from 'zod';

/** A file of a repository. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  /** Name of its content: sha256 for large files, git's hash for small ones. */
  readonly etag: string;
  readonly sha256: string | undefined;
}

/** Most files a repository is listed with: no model has as many. */
const MAX_FILES = 100_000;

/** Hashes, and nothing that a path could be made of. */
const contentName = z.string().regex(/^[0-9a-zA-Z_-]{8,128}$/);
const commit = z.string().regex(/^[0-9a-f]{40,64}$/);
const entry = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().min(0),
  oid: contentName.nullish(),
  xetHash: contentName.nullish(),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }).nullish(),
});

/** @throws DataError `hub/damaged-answer` when it is no commit */
export function commitOf(answer: unknown, repository: string): string {
  const parsed = z.object({ sha: commit }).safeParse(answer);
  if (parsed.success) return parsed.data.sha;
  throw damagedAnswer(repository, 'the hash of a commit', JSON.stringify(answer)?.slice(0, 200));
}

/**
 * The files of a listing, those left out whose names lead elsewhere: nothing of a model has such a name.
 * @throws DataError `hub/damaged-answer` for an entry without path, size or hash
 */
export async function remoteFiles(
  listing: AsyncIterable<unknown> | Iterable<unknown>,
  repository: string,
): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  for await (const answer of listing) {
    const parsed = entry.safeParse(answer);
    if (!parsed.success)
      throw damagedAnswer(
        repository,
        'a file with path, size and hash',
        JSON.stringify(answer)?.slice(0, 200),
      );
    const { type, path, size, oid, xetHash, lfs } = parsed.data;
    const etag = lfs?.oid ?? xetHash ?? oid;
    if (type !== 'file' || typeof etag !== 'string' || !isPathBelow(path)) continue;
    files.push({ path, size: lfs?.size ?? size, etag, sha256: lfs?.oid });
    if (files.length > MAX_FILES) throw damagedAnswer(repository, `at most ${MAX_FILES} files`, 'more');
  }
  return files;
}

/** @throws ConfigError when a revision cannot be the name of a branch, tag or commit */
export function checkRevision(revision: string, repository: string): void {
  if (isPathBelow(revision)) return;
  throw new ConfigError('this is no revision', {
    code: 'hub/not-found',
    where: repository,
    expected: 'a branch, tag or commit',
    got: revision,
  });
}

/** Whether names joined by `/` lead to a place below the folder they are taken from. */
export function isPathBelow(path: string): boolean {
  return (
    path.length < 1024 &&
    !/[\\\0:]/.test(path) &&
    path.split('/').every((name) => name !== '' && name !== '.' && name !== '..')
  );
}

export function damagedAnswer(
  repository: string,
  expected: string,
  got: string | undefined,
  cause?: unknown,
): DataError {
  return new DataError('the Hub gave an answer that makes no sense', {
    code: 'hub/damaged-answer',
    where: repository,
    expected,
    got,
    hint: 'Run the command again; if it stays so, check what HF_ENDPOINT and a proxy name.',
    cause,
  });
}
