// Three AdamW steps against the reference's. Tolerance: dreambooth.json's: rtol 1e-3 for losses and gradients; final
// values by parameter, 20 times what the reference's own float32 run differs from its float64 run.
import { join } from 'node:path';
import { startEngine, type Engine } from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findModelFolder } from './modelFolder.ts';
import { checkTrainSteps } from './trainSteps.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

it('takes the same steps as the reference: UNet, with text encoder, without prior and clipping', async () => {
  const failed: string[] = [];
  const names: string[] = [];
  const runtime = { engine, mode: 'graph' } as const;
  const folder = join(FIXTURES, 'train-steps');
  for await (const comparison of checkTrainSteps(folder, await findModelFolder(FIXTURES), runtime)) {
    names.push(comparison.name);
    if (!comparison.ok) failed.push(JSON.stringify(comparison));
  }
  expect(failed).toEqual([]);
  const variants = new Set(names.map((name) => name.split('.')[0]));
  expect([...variants]).toEqual(['unet', 'unet_and_text_encoder', 'unet_no_prior_no_clip']);
  expect(names.filter((name) => name.endsWith('final_norm of all 208 parameters'))).toHaveLength(2);
});
