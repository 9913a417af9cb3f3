// Folders being filled, and what killed processes left of them. Each has a lock beside it that dies with its process:
// what nobody holds any more is swept by whoever comes next.
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lockHolder, makeFolder, tryLock, UNFINISHED, unfinishedName } from '@likeness/engine';

/** A folder or file being written, its name while it is replaced by a new one (`-old`), a lock and what belongs to it. */
const DRAFT = /^\.unfinished-(.+)-[0-9a-f]{8}(-old)?$/;
const LOCK = /^\.unfinished-.+\.lock$/;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface Draft {
  /** Temporary; made, empty. */
  readonly folder: string;
  /** Removes the folder, if it still has its temporary name, and the lock. */
  end(): Promise<void>;
}

/** Starts a folder beside `target` under a name of its own, after sweeping what was left there. */
export async function beginDraft(target: string): Promise<Draft> {
  await removeUnfinished(dirname(target), DAY_MS);
  const folder = unfinishedName(target);
  const lock = await tryLock(lockOf(folder));
  await makeFolder(folder);
  return {
    folder,
    async end() {
      await rm(folder, { recursive: true, force: true });
      await lock?.release();
    },
  };
}

/**
 * Removes what killed processes left unfinished in a folder. What was moved aside for something that never came is put
 * back.
 * @param olderThanMs what has no lock (files, what other versions wrote) is removed from this age on; default at once,
 * for a folder nobody else writes to
 */
export async function removeUnfinished(
  folder: string,
  olderThanMs = Number.NEGATIVE_INFINITY,
): Promise<void> {
  const names = await namesIn(folder);
  const drafts = names.filter((name) => name.startsWith(UNFINISHED) && !LOCK.test(name));
  for (const name of drafts) {
    const path = join(folder, name);
    const lock = lockOf(name.replace(/-old$/, ''));
    const isOwned = names.includes(lock)
      ? (await lockHolder(join(folder, lock))) !== undefined
      : await isYoung(path, olderThanMs);
    if (isOwned) continue;
    const [, target, old] = DRAFT.exec(name) ?? [];
    if (old !== undefined && target !== undefined && !names.includes(target)) {
      await rename(path, join(folder, target)).catch(() => undefined);
    } else await rm(path, { recursive: true, force: true });
  }
  // Locks last: what they say must hold while the rest goes. Taking one and giving it back removes it.
  for (const name of names.filter((one) => LOCK.test(one)))
    await (await tryLock(join(folder, name)))?.release();
}

/** Names in a folder without unfinished ones, sorted; none when it is absent. */
export async function finishedNames(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => !name.startsWith(UNFINISHED)).sort();
}

const lockOf = (draft: string): string => `${draft}.lock`;

async function isYoung(path: string, olderThanMs: number): Promise<boolean> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs < olderThanMs;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  });
}
