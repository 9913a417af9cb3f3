// A lock between processes: two commands started at once must not both install.

import { linkSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/** The holder touches its lock this often; one untouched for `STALE_MS` has lost its holder. */
const HEARTBEAT_MS = 2_000;
const STALE_MS = 30_000;
const RETRY_MS = 250;

/**
 * Runs `work` while holding `path`, waiting for another process that holds it.
 *
 * A lock whose process is gone (killed, or the machine restarted) is taken over: at once when the pid is seen
 * to be dead on this host, otherwise when it has not been touched for half a minute.
 *
 * @param onWait called once, with the holder's pid, before waiting.
 */
export async function withProcessLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait: (pid: number) => void = () => undefined,
): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const own = `${String(process.pid)} ${hostname()}`;
  let told = false;
  while (!tryTake(path, own)) {
    const holder = readHolder(path);
    if (holder === undefined) continue; // given back meanwhile
    if (holder.stale) {
      removeStale(path, holder.text);
      continue;
    }
    if (!told) onWait(holder.pid);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  const heartbeat = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // Somebody cleared the cache folder; the work itself will say so where it matters.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if (readHolder(path)?.text === own) rmSync(path, { force: true });
  }
}

/** Creates the lock with its content in one step, so that nobody ever reads an empty one. */
function tryTake(path: string, content: string): boolean {
  const draft = `${path}.${String(process.pid)}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readHolder(path: string): { text: string; pid: number; stale: boolean } | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const [pidText = '', host] = text.split(' ');
    const pid = Number(pidText);
    const untouchedMs = Date.now() - statSync(path).mtimeMs;
    return { text, pid, stale: untouchedMs > STALE_MS || (host === hostname() && !isAlive(pid)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // there, but another user's
  }
}

/** Removes the stale lock that was seen, not a fresh one that has taken its place since. */
function removeStale(path: string, seen: string): void {
  if (readHolder(path)?.text === seen) rmSync(path, { force: true });
}
