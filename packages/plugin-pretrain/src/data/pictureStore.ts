// Pictures decoded once: squares of 8-bit RGB packed into one file in the cache, found by the content of the files they
// came from and read by range. Which of them are held out is decided by hash, so it holds whatever else is added.
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DataError,
  decodeImage,
  openRecordFile,
  squareImage,
  withFileErrors,
  writeRecordFile,
} from '@likeness/core';
import type { Cache, RecordFile } from '@likeness/core';
import type { CaptionedPicture } from './captionedPictures.ts';

export interface PictureStore {
  /** Side of every picture, pixels. */
  readonly resolution: number;
  readonly pictures: readonly CaptionedPicture[];
  /** Numbers of the pictures that train, and of those that are only measured on (by hash, so in no meaningful order). */
  readonly training: readonly number[];
  readonly heldOut: readonly number[];
  /** sha256 over all pictures, captions and columns. */
  readonly hash: string;
  /** sha256 over the pictures alone. */
  readonly picturesHash: string;
  /** Rows of `[resolution, resolution, 3]`, 8-bit. */
  read(numbers: readonly number[]): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface PictureStoreOptions {
  readonly pictures: readonly CaptionedPicture[];
  readonly resolution: number;
  readonly heldOutShare: number;
  /** Column whose equal values stay on one side of the split. */
  readonly heldOutBy?: string | undefined;
  readonly cache: Cache;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const HASH_BYTES = 32;
/** Files whose facts are asked for at the same time. */
const AT_ONCE = 64;
/** Pictures decoded at the same time: a photo takes a hundred megabytes until it is a square. */
const DECODED_AT_ONCE = 4;

export async function openPictureStore(options: PictureStoreOptions): Promise<PictureStore> {
  const { pictures, resolution, heldOutShare, heldOutBy, cache } = options;
  const hashes = await contentHashes(options);
  const picturesHash = createHash('sha256').update(hashes).digest('hex');
  const folder = await cache.getOrCreate(
    'captioned-pictures',
    { pictures: picturesHash, resolution },
    (target) => decodeAll(options, join(target, 'pictures.rgb')),
  );
  const file: RecordFile = await openRecordFile(join(folder, 'pictures.rgb'), resolution * resolution * 3);
  const captions = createHash('sha256').update(picturesHash);
  for (const { caption, columns } of pictures) captions.update(JSON.stringify([caption, columns]));

  const order = pictures.map((picture, number) => {
    const own = hashes.subarray(number * HASH_BYTES, (number + 1) * HASH_BYTES);
    const value = heldOutBy === undefined ? undefined : picture.columns[heldOutBy];
    const key = value === undefined ? own : createHash('sha256').update(value).digest();
    return {
      number,
      place: Buffer.from(own).readUInt32LE(4),
      heldOut: firstWord(key) < heldOutShare * 2 ** 32,
    };
  });
  const heldOut = order
    .filter((one) => one.heldOut)
    .sort((a, b) => a.place - b.place || a.number - b.number)
    .map(({ number }) => number);
  return {
    resolution,
    pictures,
    training: order.filter((one) => !one.heldOut).map(({ number }) => number),
    heldOut,
    hash: captions.digest('hex'),
    picturesHash,
    read: (numbers) => file.read(numbers),
    close: () => file.close(),
  };
}

const firstWord = (hash: Uint8Array): number => Buffer.from(hash).readUInt32LE(0);

/**
 * sha256 of every file, one after the other. Reading a hundred thousand files takes a while: the answer is remembered
 * by their paths, sizes and times, as a model's fingerprint is.
 */
async function contentHashes({ pictures, cache, signal }: PictureStoreOptions): Promise<Uint8Array> {
  const identity = createHash('sha256');
  const missing: string[] = [];
  for (const batch of batchesOf(pictures)) {
    const stats = await Promise.all(batch.map(({ path }) => stat(path).catch(() => undefined)));
    stats.forEach((found, i) => {
      const path = batch[i]?.path ?? '';
      if (found?.isFile() !== true) missing.push(path);
      else identity.update(JSON.stringify([path, found.size, found.mtimeMs]));
    });
    signal?.throwIfAborted();
  }
  if (missing.length > 0) {
    throw new DataError('pictures are missing', {
      code: 'pretrain/pictures-missing',
      where: missing[0] ?? '',
      got: missing.length === 1 ? 'no such file' : `no such file, and ${missing.length - 1} more`,
      hint: 'make the data again, or take the lines of these pictures out of metadata.jsonl',
    });
  }
  const folder = await cache.getOrCreate('file-hashes', { files: identity.digest('hex') }, async (target) => {
    const hashes: Buffer[] = [];
    for (const batch of batchesOf(pictures, DECODED_AT_ONCE)) {
      const bytes = await Promise.all(batch.map(({ path }) => withFileErrors(path, () => readFile(path))));
      hashes.push(...bytes.map((content) => createHash('sha256').update(content).digest()));
      signal?.throwIfAborted();
    }
    await writeFile(join(target, 'sha256'), Buffer.concat(hashes));
  });
  return readFile(join(folder, 'sha256'));
}

async function decodeAll(
  { pictures, resolution, onProgress, signal }: PictureStoreOptions,
  path: string,
): Promise<void> {
  const records = async function* (): AsyncGenerator<Uint8Array> {
    let done = 0;
    for (const batch of batchesOf(pictures, DECODED_AT_ONCE)) {
      const images = await Promise.all(
        batch.map(async (picture) => squareImage(await decodeImage(picture.path), resolution)),
      );
      signal?.throwIfAborted();
      for (const { data } of images) yield data;
      done += batch.length;
      onProgress?.(done, pictures.length);
    }
  };
  await writeRecordFile(path, resolution * resolution * 3, records());
}

function* batchesOf<T>(items: readonly T[], atOnce = AT_ONCE): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += atOnce) yield items.slice(i, i + atOnce);
}
