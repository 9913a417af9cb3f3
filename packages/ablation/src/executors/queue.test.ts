// Cells through a real Redis to workers that are killed: others take them over, nothing is counted twice, and the bytes
// are those of one machine. And results on their way: a shared folder, an S3 store.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createTinyModel, temporaryFolder, writeTinyPictures } from '@likeness/core/testing';
import S3rver from 's3rver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCellStore } from '../cells/cellStore.ts';
import { openMatrixFolder } from '../cells/matrixFolder.ts';
import { runMatrix, type MatrixEvent, type MatrixOutcome } from '../cells/runMatrix.ts';
import { startRedis, type TestRedis } from '../testing/redis.ts';
import { forkTiny, planTiny, runTinyMatrix } from '../testing/runTinyMatrix.ts';
import { openBlobStore } from './blobStore.ts';
import { queueExecutor } from './queueExecutor.ts';
import { connectRedis } from './redis.ts';
import { fetchShared, hasShared, share } from './sharedResults.ts';

const folder = temporaryFolder();
/** Results of one queue; `nobody` finds those of the first. */
const storeOf = (queue: string): string => join(folder, queue === 'lost' ? 'shared-lost' : 'shared');
const SILENT_MS = 3000;
/** Longer than a Redis may be silent without a word. */
const AWAY_MS = 7000;
let redis: TestRedis;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  redis = await startRedis();
  await createTinyModel(join(folder, 'model'));
  await writeTinyPictures(join(folder, 'pictures'), { width: 32 });
});
afterAll(() => {
  for (const worker of workers) worker.kill('SIGKILL');
  redis.stop();
});

function startWorker(name: string, queue: string): ChildProcess {
  const child = forkTiny('tinyQueueWorker.ts', [
    ...[folder, name, redis.url, storeOf(queue)],
    ...[queue, String(SILENT_MS)],
  ]);
  workers.push(child);
  return child;
}

async function run(
  name: string,
  queueName: string,
  emit: (event: MatrixEvent) => void,
): Promise<MatrixOutcome> {
  const store = openCellStore(join(folder, `${name}-cache`));
  const { signal } = new AbortController();
  const executor = await queueExecutor({
    redisUrl: redis.url,
    blobs: await openBlobStore(storeOf(queueName)),
    store,
    reports: {
      started: (id, worker) => {
        emit({ type: 'cell-started', id, worker });
      },
      event: (id, event) => {
        emit({ type: 'cell-event', id, event });
      },
      warning: (warning) => {
        emit({ type: 'warning', ...warning });
      },
    },
    signal,
    queueName,
  });
  try {
    const plan = await planTiny(folder);
    return await runMatrix({
      plan,
      folder: openMatrixFolder(join(folder, name)),
      store,
      executor,
      retries: 1,
      signal,
      emit,
    });
  } finally {
    await executor.close();
  }
}

async function bytesOf(name: string): Promise<Record<string, string>> {
  const at = join(folder, name, 'cells');
  const entries = await readdir(at, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = files.sort().map(async (file) => [file.slice(at.length), await readFile(file, 'utf8')]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

describe('a matrix on a queue', () => {
  it('survives workers that are killed, counts nothing twice, and ends as on one machine', async () => {
    for (const name of ['a', 'b']) startWorker(name, 'killed');
    const finished: string[] = [];
    const workerOf = new Map<string, string>();
    let victim: ChildProcess | undefined;
    const { count } = await run('queued', 'killed', (event) => {
      if (event.type === 'cell-finished') finished.push(event.id);
      if (event.type === 'cell-started') workerOf.set(event.id, event.worker);
      // Whoever begins first dies in the middle of its cell; somebody else comes.
      if (event.type !== 'cell-event' || event.event.type !== 'stage-started' || victim) return;
      if (event.event.stage !== 'training') return;
      const pid = workerOf.get(event.id)?.split(':').at(-1);
      victim = workers.find((worker) => String(worker.pid) === pid);
      victim?.kill('SIGKILL');
      startWorker('c', 'killed');
    });
    expect(count).toEqual({ done: 4, failed: 0, invalid: 0, pending: 0 });
    expect(victim?.signalCode).toBe('SIGKILL');
    expect([...new Set(finished)]).toHaveLength(4);
    expect(finished).toHaveLength(4);
    await runTinyMatrix({ folder, name: 'local', cacheDir: join(folder, 'local-cache'), workers: 2 });
    expect(await bytesOf('queued')).toEqual(await bytesOf('local'));

    // A second coordinator finds everything in the shared store: no worker is needed.
    for (const worker of workers) worker.kill('SIGKILL');
    expect((await run('again', 'nobody', () => undefined)).count.done).toBe(4);
    expect(await bytesOf('again')).toEqual(await bytesOf('local'));
  });

  it('survives a Redis that goes away and comes back with nothing, and says so', async () => {
    const worker = startWorker('lost', 'lost');
    const codes: string[] = [];
    let gone: Promise<void> | undefined;
    const { count } = await run('lost-matrix', 'lost', (event) => {
      if (event.type === 'warning') codes.push(event.code);
      if (event.type !== 'cell-event' || event.event.type !== 'stage-started') return;
      if (event.event.stage !== 'training' || gone) return;
      gone = redis.restart(AWAY_MS);
    });
    await gone;
    worker.kill('SIGKILL');
    expect(count).toMatchObject({ done: 4, failed: 0 });
    expect(codes).toEqual(
      expect.arrayContaining(['ablation/queue-away', 'ablation/queue-back', 'ablation/queue-lost-cells']),
    );
    expect(await bytesOf('lost-matrix')).toEqual(await bytesOf('local'));
  });

  it('says so at once when no Redis answers, without its password', async () => {
    const failed = connectRedis('redis://user:secret@127.0.0.1:1');
    await expect(failed).rejects.toThrow('no Redis answers');
    await expect(failed).rejects.not.toThrow('secret');
  });
});

describe('shared results', () => {
  const stores: [string, () => Promise<{ url: string; close: () => Promise<unknown> }>][] = [
    ['a folder', async () => ({ url: join(folder, 'store'), close: async () => undefined })],
    [
      'an S3 store',
      async () => {
        process.env['AWS_ACCESS_KEY_ID'] = 'S3RVER';
        process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
        const server = new S3rver({
          port: 0,
          address: '127.0.0.1',
          silent: true,
          directory: join(folder, 's3'),
          configureBuckets: [{ name: 'cells', configs: [] }],
        });
        const { port } = await server.run();
        return {
          url: `s3://cells/results?endpoint=http://127.0.0.1:${port}`,
          close: () => server.close(),
        };
      },
    ],
  ];
  it.each(stores)('travel through %s, and what is damaged or unequal is told', async (_, open) => {
    const { url, close } = await open();
    const store = await openBlobStore(url);
    const made = join(folder, `made-${_}`);
    await mkdir(join(made, 'samples'), { recursive: true });
    await writeFile(join(made, 'outcome.json'), '{}');
    await writeFile(join(made, 'samples', 'a.png'), Buffer.from([1, 2, 3]));
    expect(await hasShared(store, 'one')).toBe(false);
    await share(store, 'one', made);
    await share(store, 'one', made);
    const brought = join(folder, `brought-${_}`);
    await fetchShared(store, 'one', brought);
    expect(await readFile(join(brought, 'samples', 'a.png'))).toEqual(Buffer.from([1, 2, 3]));
    await writeFile(join(made, 'outcome.json'), '{"other":1}');
    await expect(share(store, 'one', made)).rejects.toThrow(
      'two machines made different results of one cell',
    );
    await expect(fetchShared(store, 'two', brought)).rejects.toThrow('there is no result');
    const list = JSON.parse(Buffer.from((await store.get('cells/one.json'))!).toString()) as Record<
      string,
      string
    >;
    const hash = list['samples/a.png']!;
    await store.put(`blobs/${hash.slice(0, 2)}/${hash}`, Buffer.from([9]));
    await expect(fetchShared(store, 'one', brought)).rejects.toThrow('a file of a result is damaged');
    store.close();
    await close();
  });

  it('refuses other kinds of stores', async () => {
    await expect(openBlobStore('ftp://x')).rejects.toThrow('a folder, or s3://BUCKET/PREFIX');
  });
});
