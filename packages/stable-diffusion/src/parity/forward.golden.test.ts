// The networks against the reference's numbers. Tolerance: forward.json's (rtol 1e-4, atol 1e-5), which is 5 to 10 times
// what the reference's own float32 run differs from its float64 run.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEngine, type Engine } from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkForward } from './forward.ts';
import { findModelFolder } from './modelFolder.ts';
import { openParityModel } from './parityModel.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

it('equals the reference in every output and activation', async () => {
  const model = await openParityModel(await findModelFolder(FIXTURES));
  const folder = readdirSync(FIXTURES).find((name) => existsSync(join(FIXTURES, name, 'forward.json')));
  const failed: string[] = [];
  let compared = 0;
  for await (const comparison of checkForward(join(FIXTURES, folder ?? ''), model, {
    engine,
    mode: 'graph',
  })) {
    compared++;
    if (!comparison.ok || comparison.tolerance === 'not covered') failed.push(JSON.stringify(comparison));
  }
  expect(failed).toEqual([]);
  expect(compared).toBeGreaterThan(50);
});
