// Losses against the reference's. Tolerance: losses.json's (rtol 1e-5, atol 1e-6), a few float32 roundings of a mean.
import { join } from 'node:path';
import { startEngine, type Engine } from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkLosses } from './losses.ts';
import { findModelFolder } from './modelFolder.ts';
import { openParityModel } from './parityModel.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

it('weighs and composes losses as the reference does', async () => {
  const model = await openParityModel(await findModelFolder(FIXTURES));
  const failed: string[] = [];
  let compared = 0;
  for await (const comparison of checkLosses(join(FIXTURES, 'losses'), model, { engine, mode: 'graph' })) {
    if (!comparison.ok) failed.push(JSON.stringify(comparison));
    if (comparison.tolerance !== 'not covered') compared++;
  }
  expect(failed).toEqual([]);
  expect(compared).toBe(27);
});
