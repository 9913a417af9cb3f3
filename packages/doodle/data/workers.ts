// Hands pictures out to threads. Which thread draws which picture makes no difference to any of them.
import { Worker } from 'node:worker_threads';
import type { DatasetRequest } from './dataset.ts';

/** Small enough that threads end together, large enough that handing out costs nothing. */
const CHUNK = 32;

/**
 * Draws the pictures of these numbers.
 * @param script the worker, as a file that Node can run
 * @param onProgress told how many have been drawn
 */
export async function drawInWorkers(
  request: DatasetRequest,
  indices: readonly number[],
  { script, workers, onProgress }: { script: URL; workers: number; onProgress: (done: number) => void },
): Promise<void> {
  const chunks = Array.from({ length: Math.ceil(indices.length / CHUNK) }, (_, i) =>
    indices.slice(i * CHUNK, (i + 1) * CHUNK),
  );
  let next = 0;
  let done = 0;
  const runOne = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(script, { workerData: request });
      const hand = (): void => {
        const chunk = chunks[next++];
        if (chunk === undefined) void worker.terminate().then(() => resolve(), reject);
        else worker.postMessage(chunk);
      };
      worker.on('message', (drawn: number) => {
        done += drawn;
        onProgress(done);
        hand();
      });
      worker.on('error', reject);
      hand();
    });
  await Promise.all(Array.from({ length: Math.min(workers, chunks.length) }, runOne));
}
