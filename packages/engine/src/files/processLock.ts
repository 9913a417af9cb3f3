// One at a time, across processes and machines: a file that names its holder. It dies with the process that holds it,
// however that ends: on one machine at once, by the process's number and start; seen from another machine, which cannot
// look, once the file has not been touched for half a minute.
import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from './durable.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from './processIdentity.ts';

/** A holder touches its lock this often. */
const TOUCH_EVERY_MS = 5_000;
/** After so long in silence a holder on another machine is taken for dead. */
const SILENT_MS = 30_000;
const LOOK_EVERY_MS = 200;

export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** ISO time. */
  readonly since: string;
}

export interface ProcessLock {
  /** Aborted when another machine took this process for dead (it slept, or the network was gone) and took over. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

interface Holder extends ProcessIdentity, LockHolder {
  /** Of this one holding: files are told apart by it. */
  readonly token: string;
  /** Of the file itself: a copy of it holds nothing. */
  readonly inode: number;
}

/**
 * Takes the lock when nobody alive holds it.
 * @param path a file nobody else writes; its folder is made
 * @returns undefined when another holds it: `lockHolder` says who
 */
export async function tryLock(path: string): Promise<ProcessLock | undefined> {
  await makeFolder(dirname(path));
  for (;;) {
    const created = await create(path);
    if (created !== undefined) return heldLock(path, created);
    const holder = await readHolder(path);
    if (holder === undefined) continue; // given back meanwhile
    if (await isHeld(path, holder)) return undefined;
    await takeAway(path, holder);
  }
}

/** Who holds a lock now; undefined when nobody alive does. */
export async function lockHolder(path: string): Promise<LockHolder | undefined> {
  const holder = await readHolder(path);
  if (holder === undefined || !(await isHeld(path, holder))) return undefined;
  const { pid, host, since } = holder;
  return { pid, host, since };
}

export interface LockWait {
  /** Asked while waiting: when it says so, there is nothing left to wait for and no lock is taken. */
  readonly isDone?: () => Promise<boolean>;
  readonly signal?: AbortSignal | undefined;
  /** Called once, before waiting. */
  readonly onWait?: (holder: LockHolder) => void;
}

/**
 * Waits until nobody else holds the lock, and takes it.
 * @returns undefined when `isDone` said so
 * @throws the signal's reason
 */
export async function waitForLock(
  path: string,
  { isDone, signal, onWait }: LockWait = {},
): Promise<ProcessLock | undefined> {
  let told = false;
  for (;;) {
    signal?.throwIfAborted();
    const lock = await tryLock(path);
    if (lock !== undefined) return lock;
    const holder = told ? undefined : await lockHolder(path);
    if (holder !== undefined) {
      told = true;
      onWait?.(holder);
    }
    await sleep(LOOK_EVERY_MS, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
    if (await isDone?.()) return undefined;
  }
}

/** Runs `work` while holding the lock, after waiting for whoever holds it. */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait?: (holder: LockHolder) => void,
): Promise<T> {
  const lock = await waitForLock(path, onWait ? { onWait } : {});
  try {
    return await work();
  } finally {
    await lock?.release();
  }
}

function heldLock(path: string, holder: Holder): ProcessLock {
  const lost = new AbortController();
  const touching = setInterval(() => {
    // A lock that was removed by hand, with its folder perhaps, is nobody else's: only another's name in it is.
    touch(path, holder).then(
      (isOurs) => {
        if (isOurs) return;
        clearInterval(touching);
        lost.abort(new Error(`another process took over ${path}`));
      },
      () => undefined,
    );
  }, TOUCH_EVERY_MS);
  touching.unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(touching);
      await takeAway(path, holder);
    },
  };
}

/** Makes the file if there is none. */
async function create(path: string): Promise<Holder | undefined> {
  try {
    const file = await open(path, 'wx');
    try {
      const { ino: inode } = await file.stat();
      const holder: Holder = {
        ...ownIdentity(),
        since: new Date().toISOString(),
        token: randomUUID(),
        inode,
      };
      await file.write(JSON.stringify(holder));
      return holder;
    } catch (error) {
      await rm(path, { force: true }); // a disk that is full took the name and not the text
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined;
    throw error;
  }
}

/** Writes a blank behind the text, so that the time is that of the file's own server. */
async function touch(path: string, { token }: Holder): Promise<boolean> {
  const file = await open(path, 'r+');
  try {
    const text = await file.readFile('utf8');
    if (parse(text)?.token !== token) return false;
    await file.write(' ', Buffer.byteLength(text.trimEnd()));
    return true;
  } finally {
    await file.close();
  }
}

/** What stands in the file; a file just made may still be empty for a moment. */
async function readHolder(path: string): Promise<Holder | undefined> {
  for (let tries = 0; ; tries++) {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    const holder = parse(text);
    if (holder !== undefined) return holder;
    // Its maker was killed before it wrote its name, or a crash of the machine emptied it.
    if (tries === 5)
      return { pid: 0, host: '', machine: '', start: '', since: '', token: 'nobody', inode: 0 };
    await sleep(20);
  }
}

function parse(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder | null;
    return typeof holder?.token === 'string' && /^[\w-]+$/.test(holder.token) ? holder : undefined;
  } catch {
    return undefined;
  }
}

async function isHeld(path: string, holder: Holder): Promise<boolean> {
  const runs = isRunning(holder);
  if (runs === false) return false;
  const file = await stat(path).catch(() => undefined);
  if (file === undefined) return false;
  if (runs === true && file.ino === holder.inode) return true;
  return (await timeBeside(path)) - file.mtimeMs < SILENT_MS;
}

/** Now, by the clock of whoever stores the folder. */
async function timeBeside(path: string): Promise<number> {
  const probe = `${path}.${randomUUID()}`;
  const file = await open(probe, 'wx');
  try {
    return (await file.stat()).mtimeMs;
  } finally {
    await file.close();
    await rm(probe, { force: true });
  }
}

/**
 * Removes a lock that is still `holder`'s. Between looking and removing another might take its place: so whoever removes
 * first makes a guard of the holder's name, which only one can, and looks then.
 */
async function takeAway(path: string, holder: Holder): Promise<void> {
  const guard = `${path}.${holder.token}`;
  if ((await create(guard)) === undefined) {
    // Somebody else is at it: done in a moment, unless it was killed over it.
    const other = await readHolder(guard);
    if (other !== undefined && !(await isHeld(guard, other))) await takeAway(guard, other);
    else await sleep(5);
    return;
  }
  try {
    if ((await readHolder(path))?.token === holder.token) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
