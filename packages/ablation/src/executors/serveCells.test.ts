import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { forkTiny } from '../testing/runTinyMatrix.ts';

it('a worker that says something to a parent just gone ends in order', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-orphan-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const worker = forkTiny('orphan.ts', [folder]);
  await once(worker, 'message');
  worker.disconnect();
  expect(await once(worker, 'exit')).toEqual([0, null]);
});
