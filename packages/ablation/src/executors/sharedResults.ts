// Results of cells on their way between machines: every file under its hash, and a list of files for each cell. What
// two machines make of one cell must be the same; where it is not, that is told.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataError, parseJson } from '@likeness/core';
import type { BlobStore } from './blobStore.ts';
import { readFileList } from './messages.ts';

type FileHashes = Readonly<Record<string, string>>;

/** A sealed folder's own list: it is sealed anew where it arrives. */
const MANIFEST = 'manifest.json';

const listKey = (id: string): string => `cells/${id}.json`;
const blobKey = (hash: string): string => `blobs/${hash.slice(0, 2)}/${hash}`;

export const hasShared = (store: BlobStore, id: string): Promise<boolean> => store.has(listKey(id));

/**
 * Sends a cell's files; those that are there already are not sent again.
 * @throws DataError when another result of the cell is there
 */
export async function share(store: BlobStore, id: string, folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name !== MANIFEST)
    .map((entry) => join(entry.parentPath, entry.name));
  const files: [string, string][] = [];
  for (const path of paths.sort()) {
    const bytes = await readFile(path);
    const hash = hashOf(bytes);
    if (!(await store.has(blobKey(hash)))) await store.put(blobKey(hash), bytes);
    files.push([path.slice(folder.length + 1).replaceAll('\\', '/'), hash]);
  }
  const list = Object.fromEntries(files);
  const before = await listOf(store, id);
  if (before === undefined) await store.put(listKey(id), Buffer.from(`${JSON.stringify(list)}\n`));
  else refuseOther(id, before, list);
}

/**
 * Brings a cell's files into a folder.
 * @throws DataError when one is missing or is not what its hash says
 */
export async function fetchShared(store: BlobStore, id: string, folder: string): Promise<void> {
  const list = await listOf(store, id);
  if (list === undefined)
    throw new DataError('there is no result of this cell', {
      code: 'ablation/result-missing',
      where: `${store.name}: ${id.slice(0, 12)}`,
    });
  for (const [name, hash] of Object.entries(list)) {
    // Sealed where it arrives; one from elsewhere would speak of other files.
    if (name === MANIFEST) continue;
    const bytes = await store.get(blobKey(hash));
    if (bytes === undefined || hashOf(bytes) !== hash) {
      throw new DataError(
        bytes === undefined ? 'a file of a result is missing' : 'a file of a result is damaged',
        {
          code: bytes === undefined ? 'ablation/result-missing' : 'ablation/result-damaged',
          where: `${store.name}: ${id.slice(0, 12)}/${name}`,
          hint: `remove ${listKey(id)} from the store: the cell is made again`,
        },
      );
    }
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
}

async function listOf(store: BlobStore, id: string): Promise<FileHashes | undefined> {
  const bytes = await store.get(listKey(id));
  if (bytes === undefined) return undefined;
  const where = `${store.name}: ${listKey(id)}`;
  return readFileList(parseJson(Buffer.from(bytes).toString('utf8'), where), where);
}

function refuseOther(id: string, before: FileHashes, now: FileHashes): void {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  const different = names.filter((name) => before[name] !== now[name]);
  if (different.length === 0) return;
  throw new DataError('two machines made different results of one cell', {
    code: 'ablation/results-differ',
    where: `cell ${id.slice(0, 12)}`,
    details: different.map(
      (name) => `${name}: ${before[name] ?? 'absent'} there, ${now[name] ?? 'absent'} here`,
    ),
    hint: 'work a matrix off on machines of one kind: processors may round differently',
  });
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
