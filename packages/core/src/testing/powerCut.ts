// A disk whose power may be cut at any moment. Files are written for real; beside that is noted what has been flushed,
// and `whatIsLeft` makes the folder that a cut would leave: without what was not flushed.
import fs from 'node:fs';
import fsPromises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * What file systems do with names that were not flushed: `forgets` them, or `keeps` them though their contents are not
 * there yet (as journals do, which leave files with 0 bytes).
 */
export type NamesOf = 'forgets' | 'keeps';

export interface Disk {
  /** Called after every operation that changes something; awaited before the next. */
  afterEach: (() => Promise<void>) | undefined;
  /** Writes what a cut now would leave of the folder into another one. */
  whatIsLeft(into: string, names: NamesOf): void;
  /** Ends the noting. */
  close(): void;
}

interface Inode {
  /** As of the last flush. */
  contents: Buffer;
  /** Of a folder, as of the last flush: names and what they meant. */
  entries: Map<string, Inode>;
  readonly isFolder: boolean;
}

/** Notes what is flushed below `root`, which exists; everything in it counts as flushed. */
export function cuttableDisk(root: string): Disk {
  const original = { fs: { ...fs }, promises: { ...fsPromises } };
  const inodes = new Map<number, Inode>();
  let isLooking = false;

  const inodeAt = (path: string): Inode | undefined => {
    const stats = original.fs.statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const known = inodes.get(stats.ino);
    if (known !== undefined && known.isFolder === stats.isDirectory()) return known;
    const made: Inode = { contents: Buffer.alloc(0), entries: new Map(), isFolder: stats.isDirectory() };
    inodes.set(stats.ino, made);
    return made;
  };
  /** Numbers of removed files are given to new ones. */
  const forget = (path: string): void => {
    inodes.delete(original.fs.statSync(path).ino);
  };
  const flush = (path: string): void => {
    const inode = inodeAt(path);
    if (inode === undefined) return;
    if (!inode.isFolder) inode.contents = original.fs.readFileSync(path);
    else inode.entries = namesNow(path);
  };
  const namesNow = (folder: string): Map<string, Inode> =>
    new Map(
      original.fs.readdirSync(folder).flatMap((name) => {
        const inode = inodeAt(join(folder, name));
        return inode === undefined ? [] : [[name, inode] as const];
      }),
    );
  const flushAll = (path: string): void => {
    if (original.fs.statSync(path).isDirectory())
      for (const name of original.fs.readdirSync(path)) flushAll(join(path, name));
    flush(path);
  };

  const disk: Disk = {
    afterEach: undefined,
    whatIsLeft(into, names) {
      const write = (inode: Inode, now: string, to: string): void => {
        if (!inode.isFolder) {
          original.fs.writeFileSync(to, inode.contents);
          original.fs.utimesSync(to, 0, 0); // the machine has started again since
          return;
        }
        original.fs.mkdirSync(to, { recursive: true });
        const found = names === 'keeps' && original.fs.existsSync(now) ? namesNow(now) : inode.entries;
        for (const [name, below] of found) write(below, join(now, name), join(to, name));
      };
      const top = inodeAt(root);
      if (top !== undefined) write(top, root, into);
    },
    close() {
      const { appendFileSync } = original.fs;
      const { open, rename, mkdir, rm, writeFile } = original.promises;
      Object.assign(fs, { appendFileSync });
      Object.assign(fsPromises, { open, rename, mkdir, rm, writeFile });
      syncBuiltinESMExports();
    },
  };
  const isInside = (path: unknown): path is string =>
    typeof path === 'string' && !relative(root, resolve(path)).startsWith('..');
  const changed = async (...paths: readonly unknown[]): Promise<void> => {
    if (isLooking || !paths.some(isInside)) return;
    isLooking = true; // what looks may read and write elsewhere
    await disk.afterEach?.().finally(() => (isLooking = false));
    isLooking = false;
  };

  flushAll(root);
  Object.assign(fsPromises, {
    async open(path: string, ...rest: [string?, number?]): Promise<FileHandle> {
      if (!isInside(path)) return original.promises.open(path, ...rest);
      const isNew = !original.fs.existsSync(path);
      const handle = await original.promises.open(path, ...rest);
      if (isNew) forget(path);
      await changed(path);
      return watched(handle, path);
    },
    async rename(from: string, to: string) {
      await original.promises.rename(from, to);
      await changed(from, to);
    },
    async mkdir(path: string, options?: fs.MakeDirectoryOptions) {
      const missing = isInside(path) && !original.fs.existsSync(path);
      const made = await original.promises.mkdir(path, options);
      if (missing) forget(path);
      for (let above = path; made !== undefined && isInside(above) && above !== made; above = dirname(above))
        forget(dirname(above));
      await changed(path);
      return made;
    },
    async rm(path: string, options?: fs.RmOptions) {
      await original.promises.rm(path, options);
      await changed(path);
    },
    async writeFile(path: string, ...rest: [string, object?]) {
      const isNew = isInside(path) && !original.fs.existsSync(path);
      await original.promises.writeFile(path, ...rest);
      if (isNew) forget(path);
      await changed(path);
    },
  });
  const appendFileSync: typeof fs.appendFileSync = (path, data, options) => {
    original.fs.appendFileSync(path, data, options);
    const isFlushed = typeof options === 'object' && options?.flush === true;
    if (isInside(path) && isFlushed) flush(path);
  };
  Object.assign(fs, { appendFileSync });
  syncBuiltinESMExports();

  /** A handle whose flushes are noted, with the contents of that moment. */
  const watched = (handle: FileHandle, path: string): FileHandle => {
    return new Proxy(handle, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          const result: unknown = await (value as (...all: unknown[]) => unknown).apply(target, given);
          if (key === 'sync' || key === 'datasync') flush(path);
          if (['sync', 'datasync', 'write', 'writeFile', 'truncate'].includes(String(key)))
            await changed(path);
          return result;
        };
      },
    });
  };
  return disk;
}
