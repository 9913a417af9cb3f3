// Designs by themselves: fractions, baselines, and what a report compares with what.
import { describe, expect, it } from 'vitest';
import { axisOf } from './axis.ts';
import { comparedWith, designPoints } from './design.ts';
import { fraction } from './fraction.ts';

describe('a fraction', () => {
  it('is balanced, orthogonal and of the highest resolution, and tells its aliases', () => {
    const axes = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name, values: [0, 1] }));
    const half = fraction(axes.slice(0, 4), { halvings: 1 });
    expect(half.resolution).toBe(4);
    expect(half.points).toHaveLength(8);
    expect(half.aliases).toContain('a×b = c×d');
    // 2^(6-2) of resolution IV, as tables have it (Box, Hunter & Hunter, table 6.22).
    const quarter = fraction(axes, { halvings: 2 });
    expect([quarter.points.length, quarter.resolution]).toEqual([16, 4]);
    const sign = (value: unknown): number => (value === 1 ? 1 : -1);
    for (const one of axes)
      for (const other of axes) {
        const dot = quarter.points.reduce((sum, p) => sum + sign(p[one.name]) * sign(p[other.name]), 0);
        expect(dot).toBe(one === other ? 16 : 0);
      }
    const said = fraction(axes.slice(0, 4), { generators: ['d = a*b*c'] });
    for (const point of said.points)
      expect(sign(point['d'])).toBe(sign(point['a']) * sign(point['b']) * sign(point['c']));
  });

  it('of other shapes is refused with the reason', () => {
    const two = { name: 'a', values: [0, 1] };
    expect(() => fraction([two, { name: 'b', values: [1, 2, 3] }], { halvings: 1 })).toThrow(
      'b has 3 values: 1, 2, 3',
    );
    const three = [two, { ...two, name: 'b' }, { ...two, name: 'c', when: { a: 1 } }];
    expect(() => fraction(three, { halvings: 1 })).toThrow('c applies only somewhere');
    const plain = ['a', 'b', 'c', 'd'].map((name) => ({ name, values: [0, 1] }));
    expect(() => fraction(plain, { generators: ['d = a*x'] })).toThrow('unknown: x');
    expect(() => fraction(plain, { generators: ['c = a*b', 'd = a*b'] })).toThrow(
      'main effects would coincide',
    );
    expect(() => fraction(plain, { halvings: 3 })).toThrow('at most 2');
  });
});

describe('the baseline', () => {
  it('is the first value of each axis unless it is said', () => {
    const axes = [
      axisOf('method', ['full', 'lora']),
      axisOf('rank', { values: [2, 4], when: { method: 'lora' } }),
    ];
    expect(designPoints({ axes, design: 'full' }).baseline).toEqual({ method: 'full', rank: null });
    expect(designPoints({ axes, design: 'full', baseline: { method: 'lora' } }).baseline).toEqual({
      method: 'lora',
      rank: 2,
    });
  });
});

describe('what groups are compared with', () => {
  const axes = [
    axisOf('method', ['dreambooth', 'lora']),
    axisOf('maxTrainSteps', [200, 100]),
    axisOf('rank', { values: [4, 8], when: { method: 'lora' } }),
  ];
  const of = (study: Parameters<typeof comparedWith>[0]['study']): unknown => {
    const { design = 'full', baseline: said } = study;
    const { baseline } = designPoints({ axes, design, baseline: said });
    return comparedWith({ study, axes, baseline });
  };

  it.each([
    ['the first value of the first axis, all else equal', {}, { method: 'dreambooth', rank: null }],
    ['what was said, all else equal', { baseline: { maxTrainSteps: 200 } }, { maxTrainSteps: 200 }],
    [
      'one group, where it says a value of each axis',
      { baseline: { method: 'lora', maxTrainSteps: 100, rank: 8 } },
      { method: 'lora', maxTrainSteps: 100, rank: 8 },
    ],
    [
      'one group, where one factor is moved at a time',
      { design: 'one-factor', baseline: { maxTrainSteps: 100 } },
      { method: 'dreambooth', maxTrainSteps: 100, rank: null },
    ],
  ] as const)('is %s', (_, study, expected) => {
    expect(of(study)).toEqual(expected);
  });
});
