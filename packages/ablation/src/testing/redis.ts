// A real Redis for tests, on a port of its own, in memory.
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

export interface TestRedis {
  readonly url: string;
  /** Killed, and started again on the same port after so long, without what it held. */
  restart(awayMs: number): Promise<void>;
  stop(): void;
}

const START_MS = 10_000;

export async function startRedis(): Promise<TestRedis> {
  const script = pathToFileURL(join(import.meta.dirname, '../../../../scripts/redis.mjs')).href;
  const { redisServer } = (await import(script)) as { redisServer: () => string };
  const port = await freePort();
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const start = (): ChildProcess => spawn(redisServer(), flags, { stdio: 'ignore' });
  let child = start();
  const url = `redis://127.0.0.1:${port}`;
  const stop = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', stop);
  const until = Date.now() + START_MS;
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  void client.connect().catch(() => undefined);
  while (client.status !== 'ready') {
    if (Date.now() > until) throw new Error('the Redis of the tests did not start');
    await sleep(50);
  }
  client.disconnect();
  const restart = async (awayMs: number): Promise<void> => {
    stop();
    await sleep(awayMs);
    child = start();
  };
  return { url, restart, stop };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
