import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder, tryLock, waitForLock, withLock } from './processLock.ts';

let folder: string;
let path: string;
const started: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'likeness-lock-'));
  path = join(folder, 'deep', 'lock');
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** A process of its own that takes the lock and keeps it. */
const HOLD = `import { tryLock } from '${join(import.meta.dirname, 'processLock.ts')}';
console.log((await tryLock(process.argv[2]!)) === undefined ? 'refused' : 'taken ' + process.pid);
setInterval(() => undefined, 1e6);`;
const FLAGS = ['--conditions=@likeness/source', '--import', 'jiti/register'];

/** @param shell a script that starts its arguments as a command */
async function holdElsewhere(shell = 'exec "$@"'): Promise<number> {
  const program = join(folder, 'hold.ts');
  writeFileSync(program, HOLD);
  const args = ['-c', shell, 'sh', process.execPath, ...FLAGS, program, path];
  const cwd = join(import.meta.dirname, '../../../core'); // where jiti is found
  const child = spawn('sh', args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(/^taken (\d+)/.exec(String(said))?.[1]);
}

/** The file of a lock as this process writes it, with something else in it. */
async function leave(changed: object): Promise<void> {
  const lock = await tryLock(path);
  const text = readFileSync(path, 'utf8');
  await lock?.release();
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(text) as object), token: 'left', ...changed }));
}

const longAgo = new Date(Date.now() - 60_000);

describe('a lock', () => {
  it('is held by one, says by whom, and leaves nothing when it is given back', async () => {
    const lock = await tryLock(path);
    expect(lock).toBeDefined();
    expect(await tryLock(path)).toBeUndefined();
    expect(await lockHolder(path)).toMatchObject({ pid: process.pid });
    await lock?.release();
    expect(readdirSync(join(folder, 'deep'))).toEqual([]);
    expect(await lockHolder(path)).toBeUndefined();
  });

  it('lets one in after the other, and is given back after an error too', async () => {
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} in`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(`${name} out`);
      if (name === 'a') throw new Error('a failed');
    };
    const both = await Promise.allSettled([withLock(path, work('a')), withLock(path, work('b'))]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    // Whichever came first.
    const turns = ['a in,a out', 'b in,b out'];
    expect([order.slice(0, 2).join(), order.slice(2).join()].sort()).toEqual(turns);
  });

  it('of another process is told while that lives, and taken within a second of its being killed', async () => {
    const pid = await holdElsewhere();
    expect(await tryLock(path)).toBeUndefined();
    expect(await lockHolder(path)).toMatchObject({ pid });
    const waits: number[] = [];
    const waiting = waitForLock(path, { onWait: (holder) => waits.push(holder.pid) });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(waits).toEqual([pid]);
    const start = performance.now();
    process.kill(pid, 'SIGKILL');
    await (await waiting)?.release();
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it.runIf(process.platform === 'linux')(
    'is taken from a killed process that its parent never waited for',
    async () => {
      // sleep, which takes the shell's place, knows of no children: the killed one stays in the table of processes.
      const pid = await holdElsewhere('"$@" & exec sleep 1000');
      process.kill(pid, 'SIGKILL');
      const start = performance.now();
      await (await waitForLock(path))?.release();
      expect(() => process.kill(pid, 0)).not.toThrow();
      expect(performance.now() - start).toBeLessThan(3000);
    },
  );

  it('is taken when the holder’s number belongs to another process by now, or to nobody', async () => {
    await leave({ start: 'long ago' });
    expect(await lockHolder(path)).toBeUndefined();
    await (await tryLock(path))?.release();
    await leave({ pid: spawnSync(process.execPath, ['-e', '']).pid });
    expect(await tryLock(path)).toBeDefined();
  });

  it('of another machine is held while it is touched, and taken after half a minute of silence', async () => {
    await leave({ machine: 'another', host: 'another', pid: 1 });
    expect(await tryLock(path)).toBeUndefined();
    expect(await lockHolder(path)).toMatchObject({ host: 'another' });
    utimesSync(path, longAgo, longAgo);
    expect(await tryLock(path)).toBeDefined();
  });

  it.each(['', '{"token":', 'null', '{"token":"../x"}'])(
    'whose file holds %j is taken once it is old enough',
    async (text) => {
      await leave({});
      writeFileSync(path, text);
      expect(await tryLock(path)).toBeUndefined();
      utimesSync(path, longAgo, longAgo);
      expect(await tryLock(path)).toBeDefined();
    },
  );

  it('is not held by a copy of its file, as in a copied folder', async () => {
    const lock = await tryLock(path);
    const copy = join(folder, 'copy');
    copyFileSync(path, copy);
    utimesSync(copy, longAgo, longAgo);
    const second = await tryLock(copy);
    expect(second).toBeDefined();
    await second?.release();
    await lock?.release();
  });

  it('that was left behind goes to exactly one of many who want it', async () => {
    for (let round = 0; round < 20; round++) {
      await leave({ start: 'long ago', token: `left-${round}` });
      const locks = await Promise.all(Array.from({ length: 12 }, () => tryLock(path)));
      const taken = locks.filter((lock) => lock !== undefined);
      expect(taken).toHaveLength(1);
      await taken[0]?.release();
      expect(readdirSync(join(folder, 'deep'))).toEqual([]);
    }
  });

  it('is taken even when its finder was killed while it took it away', async () => {
    await leave({ start: 'long ago' });
    copyFileSync(path, `${path}.left`); // the guard of a dead process
    writeFileSync(`${path}.left`, readFileSync(path, 'utf8').replace('"left"', '"guard"'));
    expect(await tryLock(path)).toBeDefined();
    expect(readdirSync(join(folder, 'deep'))).toEqual(['lock']);
  });
});
