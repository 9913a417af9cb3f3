// A worker on a queue with cells of the tiny model: `tinyQueueWorker FOLDER NAME REDIS STORE QUEUE SILENT_MS`.
import { join } from 'node:path';
import { openCellStore } from '../cells/cellStore.ts';
import { openBlobStore } from '../executors/blobStore.ts';
import { serveQueue } from '../executors/serveQueue.ts';
import { tinyWork } from './tinyWork.ts';

const [folder = '', name = '', redisUrl = '', blobs = '', queueName = '', silentMs = ''] =
  process.argv.slice(2);
const cacheDir = join(folder, `${name}-cache`);
const stop = new AbortController();
process.on('SIGTERM', () => {
  stop.abort(new Error('stopped'));
});
await serveQueue({
  redisUrl,
  blobs: await openBlobStore(blobs),
  work: await tinyWork({ folder }),
  store: openCellStore(cacheDir),
  cacheDir,
  runsFolder: join(folder, `${name}-runs`),
  signal: stop.signal,
  tell: (message) => process.send?.(message),
  queueName,
  silentMs: Number(silentMs),
});
process.disconnect();
