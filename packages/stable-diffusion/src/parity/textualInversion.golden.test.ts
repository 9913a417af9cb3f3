// Three AdamW steps on one and two vectors, and files of learned vectors. Tolerances: the fixtures' own; rows after a
// step 1e-5, or 8 times what the reference's float32 run differs from its float64 run. XLA, which compiles for half a
// minute here: `npm run parity -- FIXTURES --mode xla`.
import { join } from 'node:path';
import { startEngine, type Engine } from '@likeness/engine';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Comparison } from './comparison.ts';
import { checkEmbeddingFiles } from './embeddingFiles.ts';
import { findModelFolder } from './modelFolder.ts';
import { checkTextualInversion } from './textualInversion.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ threads: 1 });
});
afterAll(() => engine.close());

async function compared(comparisons: AsyncIterable<Comparison>): Promise<string[]> {
  const names: string[] = [];
  for await (const comparison of comparisons) {
    expect(comparison).toMatchObject({ ok: true });
    names.push(comparison.name);
  }
  return names;
}

it('takes the same steps as the reference, and leaves all other rows alone', async () => {
  const modelFolder = await findModelFolder(FIXTURES);
  for (const mode of ['graph', 'eager'] as const) {
    const runtime = { engine, mode };
    const names = await compared(checkTextualInversion(join(FIXTURES, 'train-steps'), modelFolder, runtime));
    for (const run of ['1_vectors', '2_vectors']) {
      expect(names).toContain(`${run}.step2.rows`);
      expect(names).toContain(`${run}.all other rows after training`);
    }
  }
});

it('loads files of learned vectors as the reference does', async () => {
  const modelFolder = await findModelFolder(FIXTURES);
  const names = await compared(
    checkEmbeddingFiles(join(FIXTURES, 'ti-files'), modelFolder, { engine, mode: 'graph' }),
  );
  expect(names.filter((name) => /\.text\d$/.test(name))).toHaveLength(16);
});
