// Both sides compute in float64: rtol 1e-6, atol 1e-9.
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import type { Comparison } from './comparison.ts';
import { checkLrSchedules } from './lrSchedules.ts';

it("multiplies learning rates as diffusers' get_scheduler does", async () => {
  const comparisons: Comparison[] = [];
  const folder = fileURLToPath(new URL('../../../../fixtures/train-steps', import.meta.url));
  for await (const comparison of checkLrSchedules(folder)) comparisons.push(comparison);
  expect(comparisons.filter(({ ok }) => !ok)).toEqual([]);
  expect(comparisons).toHaveLength(6);
});
