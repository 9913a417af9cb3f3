// A comparison is put together of parts that are compared with the reference one by one: here, that it takes the right
// ones, on the fixtures' clustered data.
import { describe, expect, it } from 'vitest';
import { compareWithBaseline, type Comparison, type Pair } from './comparison.ts';
import { adjustP } from './multiplicity.ts';
import { minimumDetectableEffect } from './power.ts';
import { mean, standardDeviation } from './summary.ts';
import { expectAllClose, expectClose, readDataSets, readFixture } from './testFixtures.ts';
import { decimalsOf, describeReach, describeVerdict, formatDifference, formatNumber } from './wording.ts';

interface Clusters {
  readonly cluster_means: number[];
  readonly mean_of_cluster_means: number;
  readonly cluster_means_t_ci95: number[];
  readonly icc1: number;
  readonly cluster_sign_flip: { mean_of_cluster_means: { 'two-sided': number } };
}
const { datasets } = readFixture<{ datasets: Record<string, Clusters> }>('clusters');

function pairsOf(name: string): Pair[] {
  const { a, b, subject = [] } = readDataSets()[name]!;
  return a.map((candidate, index) => ({
    subject: String(subject[index]),
    seed: index,
    candidate,
    baseline: b[index]!,
  }));
}

describe.each(Object.keys(datasets))('%s', (name) => {
  const expected = datasets[name]!;
  const pairs = pairsOf(name);
  const [found] = compareWithBaseline([pairs, pairs, []], { resamples: 500 });
  const one = found!;

  it('subjects are the units', () => {
    expect([one.unit, one.units, one.pairs]).toEqual([
      'subject',
      expected.cluster_means.length,
      pairs.length,
    ]);
    expectClose(one.difference, expected.mean_of_cluster_means, 'difference');
    expectAllClose(one.tInterval, expected.cluster_means_t_ci95, 't interval');
    expectClose(one.signFlipP, expected.cluster_sign_flip.mean_of_cluster_means['two-sided'], 'sign flips');
    expectClose(one.intraclassCorrelation, expected.icc1, 'ICC');
  });

  it('what could have been found allows for the number of comparisons', () => {
    const units = expected.cluster_means;
    // Two of the three groups have pairs.
    const dz = minimumDetectableEffect(units.length, 0.8, { alpha: 0.05 / 2 });
    expectClose(one.minimumDetectable, dz * standardDeviation(units), 'minimum detectable effect');
    expectClose(one.adjustedP, adjustP([one.p, one.p])[0], 'adjusted p');
  });

  it('the bootstrap interval is about its subjects’ mean, narrower than Student’s; none below ten subjects', () => {
    const [low, high] = one.bootstrapInterval;
    if (one.units < 10) {
      expect([one.bootstrapMethod, low, high]).toEqual(['none', Number.NaN, Number.NaN]);
      return;
    }
    expect(one.bootstrapMethod).toBe('BCa');
    expect(low).toBeLessThan(mean(expected.cluster_means));
    expect(high).toBeGreaterThan(mean(expected.cluster_means));
    expect(high - low).toBeLessThan(one.tInterval[1] - one.tInterval[0]);
  });
});

describe('the deciding test', () => {
  const subjects = (n: number): Pair[] =>
    Array.from({ length: n }, (_, s) => ({
      subject: `s${s}`,
      seed: 0,
      candidate: 0.5 + (s + 1) / 256,
      baseline: 0.5,
    }));
  const testOf = (n: number, comparisons: number): Comparison =>
    compareWithBaseline(
      Array.from({ length: comparisons }, () => subjects(n)),
      { resamples: 100 },
    )[0]!;

  it('is the exact one where it can reach α after Holm, else t', () => {
    expect(testOf(6, 1).test).toBe('sign flips'); // 2/64 = 0.031
    expect(testOf(6, 3).test).toBe('t-test');
    expect(testOf(8, 3).test).toBe('sign flips'); // 3 · 2/256 = 0.023
    expect(testOf(8, 3).adjustedP).toBeCloseTo((3 * 2) / 256, 12);
  });

  it('is none with two units, however alike their differences are', () => {
    const two = testOf(2, 1);
    expect([two.test, two.p, two.verdict]).toEqual(['none', Number.NaN, 'not testable']);
    expect(describeVerdict(two)).toBe(
      'not testable for these 2 subjects: 2 pairs are too few (2 seeds of each subject can be tested)',
    );
    expect(describeReach(two)).toContain('nothing is tested');
    expect(testOf(3, 1).test).toBe('t-test');
  });

  it('equal scores are no evidence, whatever the test', () => {
    const equal = subjects(6).map((pair) => ({ ...pair, candidate: pair.baseline }));
    const [one] = compareWithBaseline([equal, subjects(6), subjects(6)], { resamples: 100 });
    expect([one!.p, one!.verdict]).toEqual([1, 'not detectable']);
    expect(describeVerdict(one!)).toBe(
      'no difference detectable for subjects like these 6: all 6 pairs are equal',
    );
  });
});

describe('numbers in words', () => {
  it('have the digits they deserve', () => {
    expect(
      [0, 0.0587, 0.61649, 1.5, 12.345, 2300, 16_400_000, -0.02, NaN, -Infinity].map((n) => formatNumber(n)),
    ).toEqual(['0', '0.0587', '0.616', '1.50', '12.3', '2,300', '16,400,000', '−0.0200', '–', '−∞']);
    expect(formatDifference(-0.00001, 3)).toBe('0.000');
    expect(formatDifference(0.0123, 3)).toBe('+0.012');
    expect(decimalsOf([-0.0361, -0.0204])).toBe(3);
    expect(decimalsOf([Number.NaN, Number.NaN])).toBeUndefined();
  });
});
