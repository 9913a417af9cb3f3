import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withProcessLock } from './processLock.ts';

describe('withProcessLock', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'likeness-lock-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('lets one in after the other, and gives the lock back after an error too', async () => {
    const path = join(folder, 'deep', 'lock');
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} in`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(`${name} out`);
      if (name === 'a') throw new Error('a failed');
    };
    const both = await Promise.allSettled([
      withProcessLock(path, work('a')),
      withProcessLock(path, work('b')),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out']);
    expect(existsSync(path)).toBe(false);
  });

  it('tells once whom it waits for', async () => {
    const path = join(folder, 'lock');
    const told: number[] = [];
    const slow = withProcessLock(path, () => new Promise((resolve) => setTimeout(resolve, 600)));
    await Promise.all([
      slow,
      withProcessLock(
        path,
        () => Promise.resolve(),
        (pid) => told.push(pid),
      ),
    ]);
    expect(told).toEqual([process.pid]);
  });

  it('takes over from a process that was killed', async () => {
    const path = join(folder, 'lock');
    const { pid } = spawnSync(process.execPath, ['-e', '']); // ran and is gone
    writeFileSync(path, `${String(pid)} ${hostname()}`);
    expect(await withProcessLock(path, () => Promise.resolve('taken over'))).toBe('taken over');
  });

  it('takes over from another host’s process that has not stirred for half a minute', async () => {
    const path = join(folder, 'lock');
    writeFileSync(path, '1 some-other-host');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(path, longAgo, longAgo);
    expect(await withProcessLock(path, () => Promise.resolve('taken over'))).toBe('taken over');
  });
});
