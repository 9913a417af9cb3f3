// Whole pictures against the reference's. Tolerance: sampling.json's (rtol 1e-3, atol 1e-3): guidance and many steps
// amplify rounding.
import { join } from 'node:path';
import { startEngine, type Engine } from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findModelFolder } from './modelFolder.ts';
import { openParityModel } from './parityModel.ts';
import { checkSampling } from './sampling.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

it('makes the same pictures as the reference', async () => {
  const model = await openParityModel(await findModelFolder(FIXTURES));
  const failed: string[] = [];
  let compared = 0;
  for await (const comparison of checkSampling(join(FIXTURES, 'sampling'), model, {
    engine,
    mode: 'graph',
  })) {
    compared++;
    if (!comparison.ok || comparison.tolerance === 'not covered') failed.push(JSON.stringify(comparison));
  }
  expect(failed).toEqual([]);
  expect(compared).toBeGreaterThanOrEqual(14);
});
