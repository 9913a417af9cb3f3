// rand, randint and randperm are exact. randn: rtol 1e-5, atol 1e-6, since torch's vectorised float32 log, sin and cos
// differ from exact ones in the last bits.
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import type { Comparison } from './comparison.ts';
import { checkTorchRng } from './rng.ts';

it("draws what torch's CPU generator draws", async () => {
  const comparisons: Comparison[] = [];
  const folder = fileURLToPath(new URL('../../../../fixtures/torch-rng', import.meta.url));
  for await (const comparison of checkTorchRng(folder)) comparisons.push(comparison);
  expect(comparisons.filter(({ ok, note }) => !ok || note !== undefined)).toEqual([]);
  // 4 seeds with 36 entries each: 7 sizes of 3 kinds, 5 others, 8 in a sequence, 2 in a batch.
  expect(comparisons).toHaveLength(4 * 36);
});
