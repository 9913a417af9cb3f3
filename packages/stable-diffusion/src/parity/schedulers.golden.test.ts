// Tolerance: 20 times what float32 rounding alone explains in the reference (its own float32 run against float64),
// at least 1e-5. Timesteps and sigmas are tables: relative 1e-6.
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import type { Comparison } from './comparison.ts';
import { checkSchedulers } from './schedulers.ts';

const folder = fileURLToPath(new URL('../../../../fixtures/schedulers', import.meta.url));

describe('noise schedules and samplers against diffusers', () => {
  const comparisons: Comparison[] = [];
  beforeAll(async () => {
    for await (const comparison of checkSchedulers(folder)) comparisons.push(comparison);
  });

  it('has no difference beyond rounding', () => {
    expect(comparisons.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('covers every case but the ones listed', () => {
    const left = comparisons.filter(({ tolerance }) => tolerance === 'not covered').map(({ name }) => name);
    expect(left).toEqual(['dpmpp-2m-sde', 'heun', 'flow-match-euler']);
    const walks = comparisons.filter(({ name }) => name.endsWith('.x')).map(({ name }) => name.split('.')[0]);
    // 27 cases; six of them walk at three step counts.
    expect(new Set(walks).size).toBe(24);
    expect(walks).toHaveLength(24 + 6 * 2);
  });

  it('builds the tables of unrescaled schedules bit for bit', () => {
    const tables = comparisons.filter(({ name }) => /^(scaled_linear|linear|squaredcos_cap_v2)\./.test(name));
    expect(tables).toHaveLength(6);
    for (const { name, maxAbs } of tables) expect([name, maxAbs]).toEqual([name, 0]);
  });
});
