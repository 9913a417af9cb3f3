// What can be made again, found by what it was made from: class pictures, latents, text states. Runs share it; nothing
// stale is ever reused, since everything that matters is part of the key.
import { createHash } from 'node:crypto';
import { rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { waitForLock } from '@likeness/engine';
import { FileError, withFileErrors } from '../errors.ts';
import { stableJson } from './stableJson.ts';
import { beginFolder, bytesOf, fillFolder, lockOf, MANIFEST, readWholeFolder } from './wholeFolder.ts';
import { finishedNames, removeUnfinished } from './unfinished.ts';

/** Whatever identifies a thing, as JSON: weights' hash, prompt, sampler, seed … */
export type CacheParts = Readonly<Record<string, unknown>>;

export interface CacheEntry {
  readonly kind: string;
  readonly key: string;
  readonly folder: string;
}

export interface CachedThing extends CacheEntry {
  readonly bytes: number;
  readonly lastUsed: Date;
}

export interface PruneOptions {
  /** Remove what was not used for so many days. */
  readonly olderThanDays?: number;
  /** Then remove the longest unused until no more than this is left. */
  readonly maxBytes?: number;
}

export interface Cache {
  readonly dir: string;
  /** Where a thing is or would be. */
  entry(kind: string, parts: CacheParts): CacheEntry;
  /** The folder of a thing that is there and whole. */
  find(kind: string, parts: CacheParts): Promise<string | undefined>;
  /**
   * The folder of a thing, made by `create` when it is not there or damaged. While one process makes it, others wait for
   * it; should two make it all the same, each makes it whole, and one of them stays.
   * @param create fills the folder it is given
   * @param signal ends waiting for another process
   */
  getOrCreate(
    kind: string,
    parts: CacheParts,
    create: (folder: string) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<string>;
  list(): Promise<CachedThing[]>;
  /** Bytes by kind. */
  size(): Promise<Record<string, number>>;
  /** @returns what was removed */
  prune(options: PruneOptions): Promise<CachedThing[]>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Kinds are folders beside things of other origin (TensorFlow, programs): these are ours. */
const STORE = 'store';

/** sha256 in hex of what something is made from; the order of keys does not matter. */
export function cacheKey(parts: CacheParts): string {
  return createHash('sha256').update(stableJson(parts)).digest('hex');
}

/** Opens the cache in a folder, which need not exist. */
export function openCache(dir: string): Cache {
  const store = join(dir, STORE);

  const entry = (kind: string, parts: CacheParts): CacheEntry => {
    const key = cacheKey(parts);
    return { kind, key, folder: join(store, kind, key) };
  };

  const find = async (kind: string, parts: CacheParts): Promise<string | undefined> => {
    const { folder } = entry(kind, parts);
    if ((await readWholeFolder(folder, 'contents')) === undefined) return undefined;
    // Its time is when it was last used; on a read-only file system that is not noted.
    await utimes(join(folder, MANIFEST), new Date(), new Date()).catch(() => undefined);
    return folder;
  };

  const getOrCreate: Cache['getOrCreate'] = async (kind, parts, create, signal) => {
    const found = await find(kind, parts);
    if (found !== undefined) return found;
    const { folder } = entry(kind, parts);
    const isThere = async (): Promise<boolean> => (await find(kind, parts)) !== undefined;
    // Locking saves work and nothing depends on it: what is made by two all the same is whole each time.
    const lock = await withFileErrors(folder, () => waitForLock(lockOf(folder), { isDone: isThere, signal }));
    if (lock === undefined) return folder;
    try {
      // Its maker may have finished between the first look and the lock.
      if (await isThere()) return folder;
      return await make(kind, parts, create);
    } finally {
      await lock.release();
    }
  };

  const make = async (
    kind: string,
    parts: CacheParts,
    create: (folder: string) => Promise<void>,
  ): Promise<string> => {
    const { folder } = entry(kind, parts);
    const unfinished = await beginFolder(folder, parts);
    try {
      await fillFolder(unfinished, create);
      await unfinished.commit();
    } catch (error) {
      await unfinished.abandon();
      // Another process may have put its own there in between; a whole one is as good as ours.
      const theirs = isOccupied(error) ? await find(kind, parts) : undefined;
      if (theirs === undefined) throw error;
    }
    return folder;
  };

  const list = async (): Promise<CachedThing[]> => {
    const things: CachedThing[] = [];
    for (const kind of await finishedNames(store)) {
      for (const key of await finishedNames(join(store, kind))) {
        const folder = join(store, kind, key);
        const manifest = await readWholeFolder(folder, 'sizes');
        const lastUsed = await stat(join(folder, MANIFEST)).then(
          ({ mtime }) => mtime,
          () => new Date(0),
        );
        things.push({ kind, key, folder, bytes: manifest ? bytesOf(manifest) : 0, lastUsed });
      }
    }
    return things;
  };

  const size = async (): Promise<Record<string, number>> => {
    const sizes: Record<string, number> = {};
    for (const { kind, bytes } of await list()) sizes[kind] = (sizes[kind] ?? 0) + bytes;
    return sizes;
  };

  const prune = async ({ olderThanDays, maxBytes }: PruneOptions): Promise<CachedThing[]> => {
    for (const kind of await finishedNames(store)) await removeUnfinished(join(store, kind), DAY_MS);
    const newestFirst = (await list()).sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
    const removed: CachedThing[] = [];
    let kept = 0;
    for (const thing of newestFirst) {
      const tooOld =
        olderThanDays !== undefined && Date.now() - thing.lastUsed.getTime() > olderThanDays * DAY_MS;
      const tooMuch = maxBytes !== undefined && kept + thing.bytes > maxBytes;
      if (tooOld || tooMuch) {
        await rm(thing.folder, { recursive: true, force: true });
        removed.push(thing);
      } else kept += thing.bytes;
    }
    return removed;
  };

  return { dir, entry, find, getOrCreate, list, size, prune };
}

function isOccupied(error: unknown): boolean {
  return error instanceof FileError && (error.code === 'file/not-empty' || error.code === 'file/exists');
}
