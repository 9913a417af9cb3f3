// Where the queue of cells lies.
import { DataError, type Warning } from '@likeness/core';
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

/** A Redis that says nothing is asked so often, and is away when it has been silent for so long. */
const ASK_EVERY_MS = 1000;
const AWAY_MS = 4000;
/** A connection that is open and carries nothing is opened anew. */
const RECONNECT_MS = 15_000;

/**
 * Tells when Redis goes away and when it is back.
 * @param connections of one server; the first is asked
 * @returns what ends the watch
 */
export function watchRedis(
  connections: readonly [Redis, ...Redis[]],
  url: string,
  tell: (warning: Warning) => void,
): () => void {
  let answeredAt = Date.now();
  let [isAway, isAsked] = [false, false];
  const ask = async (): Promise<void> => {
    if (isAsked || connections[0].status !== 'ready') return;
    isAsked = true;
    const answer = await withinMs(AWAY_MS, connections[0].ping());
    isAsked = false;
    if (answer === undefined) return;
    answeredAt = Date.now();
    if (isAway) tell({ code: 'ablation/queue-back', text: 'Redis answers again; cells go on' });
    isAway = false;
  };
  const timer = setInterval(() => {
    void ask();
    const silent = Date.now() - answeredAt;
    if (silent > AWAY_MS && !isAway) {
      isAway = true;
      tell({
        code: 'ablation/queue-away',
        text: `Redis at ${withoutPassword(url)} does not answer; cells go on when it does`,
      });
    }
    if (silent > RECONNECT_MS && connections[0].status === 'ready') {
      answeredAt = Date.now() - AWAY_MS;
      for (const connection of connections) connection.disconnect(true);
    }
  }, ASK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

/** What comes within so long; undefined when it does not come, or fails. */
export async function withinMs<T>(limitMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, limitMs, undefined);
  });
  try {
    return await Promise.race([work.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
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
