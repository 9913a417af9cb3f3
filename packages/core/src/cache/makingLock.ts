// Who makes a thing of the cache just now: a file beside it that names a process. Others wait, so that two never make the
// same. It saves work and nothing depends on it: what is made by two all the same is whole each time.
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A holder that lives says so this often. */
const ALIVE_EVERY_MS = 5000;
/** After so long in silence it is taken for dead: on another machine nobody can look. */
const SILENT_MS = 120_000;
const LOOK_EVERY_MS = 200;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/**
 * Waits until nobody else holds the lock, and takes it.
 * @param isDone asked while waiting: when it says so, there is nothing left to wait for and no lock is taken
 * @returns how to give it back; undefined when `isDone` said so
 */
export async function takeLock(
  path: string,
  isDone: () => Promise<boolean>,
  signal?: AbortSignal,
): Promise<(() => Promise<void>) | undefined> {
  const token = randomBytes(8).toString('hex');
  await mkdir(dirname(path), { recursive: true });
  while (!(await create(path, { pid: process.pid, host: hostname(), token }))) {
    if (await isAbandoned(path)) continue;
    await sleep(LOOK_EVERY_MS, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
    if (await isDone()) return undefined;
  }
  const alive = setInterval(() => {
    utimes(path, new Date(), new Date()).catch(() => undefined);
  }, ALIVE_EVERY_MS);
  alive.unref();
  return async () => {
    clearInterval(alive);
    if ((await holderOf(path))?.token === token) await rm(path, { force: true });
  };
}

async function create(path: string, holder: Holder): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(JSON.stringify(holder));
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes away a lock whose holder is dead. @returns whether it is worth trying again at once */
async function isAbandoned(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return true;
  const holder = await holderOf(path);
  const silentMs = Date.now() - stats.mtimeMs;
  // A file just made may not have been written yet.
  const isDead =
    holder === undefined
      ? silentMs > ALIVE_EVERY_MS
      : silentMs > SILENT_MS || (holder.host === hostname() && !isRunning(holder.pid));
  if (!isDead) return false;
  const aside = `${path}-${randomBytes(4).toString('hex')}`;
  const isMoved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!isMoved) return true;
  // Another one that waited may have been faster: then this is its lock, and goes back.
  if ((await holderOf(aside))?.token !== holder?.token) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
  return true;
}

async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
