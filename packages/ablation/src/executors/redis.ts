// Where the queue of cells lies.
import { DataError } from '@likeness/core';
import type { Redis } from 'ioredis';

/** All matrices share one queue: a cell is what its id says, whoever asks for it. */
export const QUEUE_NAME = 'likeness-cells';

const CONNECT_MS = 5000;

/**
 * A connection as BullMQ wants it: what is asked waits until the server is back.
 * @throws DataError when nobody answers now
 */
export async function connectRedis(url: string): Promise<Redis> {
  const { Redis: Client } = await import('ioredis');
  const probe = new Client(url, { lazyConnect: true, connectTimeout: CONNECT_MS, retryStrategy: () => null });
  // Told below; without a listener it would be told twice.
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    await probe.ping();
  } catch (error) {
    throw new DataError('no Redis answers', {
      code: 'ablation/no-queue',
      where: withoutPassword(url),
      got: error instanceof Error ? error.message : String(error),
      hint: 'start one (redis-server), or name another with --redis',
      cause: error,
    });
  } finally {
    probe.disconnect();
  }
  const connection = new Client(url, { maxRetriesPerRequest: null });
  connection.on('error', () => undefined);
  return connection;
}

function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.password = '';
    return parsed.href;
  } catch {
    return 'the address of Redis';
  }
}
