// Sample pictures as data URIs, so that a page needs no other file. Small ones go in as they are, large ones smaller.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { DataError } from '@likeness/core';
import sharp from 'sharp';

/** Each picture once: pages name them by index. */
export interface Pictures {
  /** Data URIs. */
  readonly uris: readonly string[];
  /** Path as a cell names it → index into `uris`. */
  readonly indexOf: ReadonlyMap<string, number>;
  /** Those that could not be read: shown as gaps. */
  readonly missing: readonly string[];
}

/**
 * @param root the matrix's folder, which paths are relative to
 * @param largestPx longer side; larger ones are shrunk
 * @throws DataError for a path that leaves the folder
 */
export async function loadPictures(
  root: string,
  paths: readonly string[],
  largestPx: number,
): Promise<Pictures> {
  const uris: string[] = [];
  const byContent = new Map<string, number>();
  const indexOf = new Map<string, number>();
  const missing: string[] = [];
  for (const path of new Set(paths)) {
    const file = join(root, path);
    if (isAbsolute(path) || relative(root, file).startsWith('..')) {
      throw new DataError('a sample picture lies outside of the matrix', {
        code: 'ablation/outside',
        where: path,
        expected: 'a path relative to the matrix’s folder',
      });
    }
    const uri = await dataUri(file, largestPx).catch(() => undefined);
    if (uri === undefined) {
      missing.push(path);
      continue;
    }
    const hash = createHash('sha256').update(uri).digest('hex');
    const index = byContent.get(hash) ?? uris.push(uri) - 1;
    byContent.set(hash, index);
    indexOf.set(path, index);
  }
  return { uris, indexOf, missing };
}

async function dataUri(file: string, largestPx: number): Promise<string> {
  const bytes = await readFile(file);
  const { width, height, format } = await sharp(bytes).metadata();
  if (format === 'png' && Math.max(width, height) <= largestPx) {
    return `data:image/png;base64,${bytes.toString('base64')}`;
  }
  const small = await sharp(bytes)
    .rotate()
    .resize({ width: largestPx, height: largestPx, fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 88 })
    .toBuffer();
  return `data:image/webp;base64,${small.toString('base64')}`;
}
