// A thread that draws pictures: gets lists of numbers, answers how many it has written.
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { writePicture, type DatasetRequest } from './dataset.ts';
import { Painter } from './painter.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts is started by workers.ts');
// One thread a worker: more would only wait for each other.
sharp.concurrency(1);
const request = workerData as DatasetRequest;
const painter = new Painter(request.sizePx);

port.on('message', (indices: readonly number[]) => {
  drawAll(indices).then(
    () => port.postMessage(indices.length),
    (error: unknown) => {
      throw error;
    },
  );
});

/** While one picture is packed and written by other threads, the next is drawn. */
const LANES = 4;

async function drawAll(indices: readonly number[]): Promise<void> {
  const left = indices.values();
  const lane = async (): Promise<void> => {
    for (const index of left) await writePicture(painter, request, index);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
