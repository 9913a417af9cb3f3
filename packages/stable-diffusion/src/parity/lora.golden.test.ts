// Three AdamW steps of lora+ppl, and files of adapters in all spellings. Tolerances: the fixtures' own; final values by
// parameter, 20 times what the reference's float32 run differs from its float64 run. XLA is
// `npm run parity -- --mode xla`.
import { join } from 'node:path';
import { startEngine, type Engine } from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Comparison } from './comparison.ts';
import { checkLoraFiles } from './loraFiles.ts';
import { checkLoraSteps } from './loraSteps.ts';
import { findModelFolder } from './modelFolder.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ threads: 1 });
});
afterAll(() => engine.close());

async function compared(comparisons: AsyncIterable<Comparison>): Promise<string[]> {
  const names: string[] = [];
  const failed: string[] = [];
  for await (const comparison of comparisons) {
    names.push(comparison.name);
    if (!comparison.ok) failed.push(JSON.stringify(comparison));
  }
  expect(failed).toEqual([]);
  return names;
}

it('takes the same steps as the reference, and leaves the frozen weights alone', async () => {
  const modelFolder = await findModelFolder(FIXTURES);
  for (const mode of ['graph', 'eager'] as const) {
    const names = await compared(
      checkLoraSteps(join(FIXTURES, 'train-steps'), modelFolder, { engine, mode }),
    );
    const variants = new Set(names.map((name) => /^\w+/.exec(name)?.[0]));
    expect([...variants]).toEqual(['unet', 'unet_and_text_encoder']);
    expect(names.filter((name) => name.includes('.final.'))).toHaveLength(8 + 88);
  }
});

it('loads every spelling as the reference does, and writes what it reads', async () => {
  const modelFolder = await findModelFolder(FIXTURES);
  const names = await compared(
    checkLoraFiles(join(FIXTURES, 'lora-files'), modelFolder, { engine, mode: 'graph' }),
  );
  // Seven files at weight 1, the first of each of three kinds at two more; two networks each.
  expect(names.filter((name) => / at [\d.]+: /.test(name))).toHaveLength(2 * (7 + 3 * 2));
  expect(names.filter((name) => name.includes('keys and shapes'))).toHaveLength(4);
});
