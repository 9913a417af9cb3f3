import { describe, expect, it } from 'vitest';

import { createRng, philox4x32, type PhiloxCounter, type PhiloxKey } from './philox.ts';

describe('philox4x32', () => {
  // Random123 1.14, tests/kat_vectors, "philox4x32 10"
  const knownAnswers: [PhiloxCounter, PhiloxKey, number[]][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];

  it.each(knownAnswers)('counter %j under key %j', (counter, key, expected) => {
    const out = new Uint32Array(4);
    philox4x32(counter, key, out);
    expect([...out]).toEqual(expected);
  });
});

describe('createRng', () => {
  const rng = createRng(42);

  it('gives the same numbers for the same key, whatever was drawn in between', () => {
    const first = rng.stream('noise', 7, 3).normal(100);
    rng.stream('noise', 8, 0).uniform(1000);
    createRng(1).stream('noise', 7, 3).shuffle(50);
    expect(createRng(42n).stream('noise', 7, 3).normal(100)).toEqual(first);
  });

  // Pins the scheme: a change here silently changes every seeded run.
  it('keeps its numbers from release to release', () => {
    expect([...rng.stream('noise', 0, 0).uint32(4)]).toEqual([1649975254, 803345643, 3957493796, 3355014961]);
  });

  it('separates seeds, purposes, steps and indices', () => {
    const keys: [number, string, number, number][] = [
      [42, 'noise', 0, 0],
      [43, 'noise', 0, 0],
      [42, 'nois', 0, 0],
      [42, 'timesteps', 0, 0],
      [42, 'noise', 1, 0],
      [42, 'noise', 2 ** 32, 0],
      [42, 'noise', 0, 1],
      [42, 'noise', 0, 2 ** 32 - 1],
    ];
    const firstWords = keys.map(
      ([seed, ...key]) =>
        createRng(seed)
          .stream(...key)
          .uint32(1)[0],
    );
    expect(new Set(firstWords).size).toBe(keys.length);
    expect(
      createRng(2n ** 40n)
        .stream('a', 0, 0)
        .uint32(2),
    ).not.toEqual(createRng(0).stream('a', 0, 0).uint32(2));
  });

  it('continues a stream from call to call', () => {
    const stream = rng.stream('noise', 0, 0);
    const whole = rng.stream('noise', 0, 0).uint32(10);
    expect([...stream.uint32(3), ...stream.uint32(7)]).toEqual([...whole]);
  });

  it('draws uniform and normal numbers of the right moments', () => {
    const n = 200_000;
    const uniform = moments(rng.stream('statistics', 0, 0).uniform(n));
    expect(uniform.mean).toBeCloseTo(1 / 2, 2);
    expect(uniform.variance).toBeCloseTo(1 / 12, 3);
    expect(uniform.min).toBeGreaterThanOrEqual(0);
    expect(uniform.max).toBeLessThan(1);
    const normal = moments(rng.stream('statistics', 1, 0).normal(n));
    // Five standard errors: 1/sqrt(n) for the mean, sqrt(2/n) for the variance, sqrt(96/n) for the fourth moment.
    expect(Math.abs(normal.mean)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(normal.variance - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(normal.fourth - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it.each([
    ['step', (k: number) => rng.stream('noise', k, 0)],
    ['index', (k: number) => rng.stream('noise', 0, k)],
    ['seed', (k: number) => createRng(k).stream('noise', 0, 0)],
    ['purpose', (k: number) => rng.stream(`noise${k}`, 0, 0)],
  ])('shows no correlation between neighbours of a key (%s)', (_, streamOf) => {
    const n = 20_000;
    let before = streamOf(0).normal(n);
    for (let k = 1; k < 6; k++) {
      const values = streamOf(k).normal(n);
      const correlation = values.reduce((sum, value, i) => sum + value * (before[i] ?? 0), 0) / n;
      expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(n));
      before = values;
    }
  });

  it('draws integers without bias', () => {
    // 3 * 2^30 does not divide 2^32: plain modulo would give the first third twice as often as the others.
    const low = -(2 ** 31);
    const range = 3 * 2 ** 30;
    const n = 30_000;
    const counts = [0, 0, 0];
    for (const value of rng.stream('integers', 0, 0).integers(n, low, low + range)) {
      const third = Math.floor((value - low) / 2 ** 30);
      counts[third] = (counts[third] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - n / 3)).toBeLessThan(5 * Math.sqrt((n * 2) / 9));
    expect(() => rng.stream('integers', 0, 0).integers(1, 5, 5)).toThrow(/empty/);
  });

  it('shuffles every element to every place equally often', () => {
    const counts = new Float64Array(25);
    const rounds = 5000;
    for (let step = 0; step < rounds; step++) {
      const order = rng.stream('shuffle', step, 0).shuffle(5);
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
      order.forEach(
        (element, place) => (counts[place * 5 + element] = (counts[place * 5 + element] ?? 0) + 1),
      );
    }
    for (const count of counts)
      expect(Math.abs(count - rounds / 5)).toBeLessThan(5 * Math.sqrt(rounds * 0.16));
  });

  it('refuses keys that would be rounded', () => {
    expect(() => createRng(0.5)).toThrow(/bigint/);
    expect(() => rng.stream('noise', -1, 0)).toThrow(/step/);
    expect(() => rng.stream('noise', 0, 1.5)).toThrow(/index/);
  });
});

function moments(values: Float32Array) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const central = (power: number) => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / n;
  const sorted = values.slice().sort();
  return { mean, variance: central(2), fourth: central(4), min: sorted[0] ?? NaN, max: sorted[n - 1] ?? NaN };
}
