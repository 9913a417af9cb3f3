// Few subjects: strata. The reference is the constant of a regression in sum-to-zero coding (`anova` of type III, which
// equals statsmodels), and what can be counted.
import { createRng } from '@likeness/core';
import { describe, expect, it } from 'vitest';
import { compareWithBaseline, type Pair } from './comparison.ts';
import { noncentralTCdf, tQuantile } from './distributions.ts';
import { tTest } from './effectSizes.ts';
import { anova } from './factorial.ts';
import { signFlipInterval, signFlipTest } from './signFlip.ts';
import { errorFactor, stratifiedTest } from './strata.ts';
import { groupBy, mean, sum } from './summary.ts';
import { expectAllClose, expectClose } from './testFixtures.ts';
import { withinSubjectsAnova } from './withinSubjects.ts';
import { describeReach, describeVerdict } from './wording.ts';

const TAILS = { rtol: 1e-7, atol: 1e-12 };
const stream = () => createRng(0).stream('sign flips', 0, 0);
const normals = (n: number, index: number): number[] => [...createRng(3).stream('test', 0, index).normal(n)];

/** Scores whose differences from 0.5 are these, by subject and seed. */
const pairsOf = (strata: readonly (readonly number[])[]): Pair[] =>
  strata.flatMap((own, subject) =>
    own.map((d, seed) => ({ subject: `s${subject}`, seed, candidate: 0.5 + d, baseline: 0.5 })),
  );
/** What was reported as surer than it was: two subjects with two seeds each. */
const TWO_BY_TWO = [
  [-0.5, -0.3],
  [-0.25, -0.6],
];

describe('a test within strata', () => {
  it.each([
    ['two of two', TWO_BY_TWO],
    ['unequal ones', [[0.1, 0.4, 0.2], [-0.2, 0.3], [0.5]]],
    ['four of five', [0, 1, 2, 3].map((index) => normals(5, index))],
  ])('is the constant of a regression on them: %s', (_, strata) => {
    const { intercept, residual } = anova(
      strata.flatMap((own, level) => own.map((y) => ({ levels: [level], y }))),
      { type: 3, order: 1 },
    );
    const found = stratifiedTest(strata);
    expectClose((found.estimate / found.error) ** 2, intercept?.f, 'F');
    expectClose(found.p, intercept?.p, 'p', TAILS);
    expect(found.degrees).toBe(residual.degrees);
    expectClose(found.deviation ** 2, residual.sumOfSquares / residual.degrees, 'variance');
    const half = tQuantile(0.975, found.degrees) * found.error;
    expectAllClose(found.interval, [found.estimate - half, found.estimate + half], 'interval');
  });

  it('is the t-test of one stratum', () => {
    const { interval, p, degrees } = tTest(normals(7, 9));
    const found = stratifiedTest([normals(7, 9)]);
    expect(found.degrees).toBe(degrees);
    expectAllClose(found.interval, interval, 'interval');
    expectClose(found.p, p['two-sided'], 'p');
  });
});

describe('sign flips turned into an interval', () => {
  const p = (values: readonly number[], weights: readonly number[], shift: number): number =>
    signFlipTest(
      values.map((value, index) => (value - shift) * (weights[index] ?? 1)),
      stream,
    ).p['two-sided'];

  it.each([6, 8, 11])('holds what the test of %d values does not refuse', (n) => {
    const values = normals(n, n);
    for (const weights of [values.map(() => 1), values.map((_, index) => (index < n / 2 ? 1 : 1.5))]) {
      const [low, high] = signFlipInterval(values, weights, 0.95, stream);
      const width = high - low;
      for (const shift of [low + 1e-9 * width, high - 1e-9 * width])
        expect(p(values, weights, shift)).toBeGreaterThan(0.05);
      for (const shift of [low - 1e-9 * width, high + 1e-9 * width])
        expect(p(values, weights, shift)).toBeLessThanOrEqual(0.05);
    }
  });

  it('runs from the least to the greatest of six, and is endless for five', () => {
    const values = normals(6, 1);
    expect(
      signFlipInterval(
        values,
        values.map(() => 1),
        0.95,
        stream,
      ),
    ).toEqual([Math.min(...values), Math.max(...values)]);
    expect(signFlipInterval(values.slice(1), [1, 1, 1, 1, 1], 0.95, stream)).toEqual([-Infinity, Infinity]);
  });

  it('of more values than can be counted is near that of Student', () => {
    const values = normals(40, 2);
    const found = signFlipInterval(
      values,
      values.map(() => 1),
      0.95,
      stream,
    );
    const { interval } = tTest(values);
    found.forEach((end, side) => expect(Math.abs(end - interval[side]!)).toBeLessThan(0.03));
  });
});

describe('analysis of variance with subjects as strata', () => {
  const SUBJECTS = 3;
  const SEEDS = 2;
  const measuresOf = (levels: number) =>
    Array.from({ length: SUBJECTS * SEEDS }, (_, block) =>
      normals(levels, 20 + block).map((y, level) => ({
        subject: `${block}`,
        stratum: Math.floor(block / SEEDS),
        levels: [level],
        // Subjects differ in what the factor does: no error of a conclusion about these subjects.
        y: y * 0.1 + level * Math.floor(block / SEEDS),
      })),
    ).flat();

  it('of two levels is the test of their differences within strata', () => {
    const measures = measuresOf(2);
    const blocks = groupBy(
      measures,
      measures.map(({ subject }) => subject),
    );
    const strata = groupBy(
      blocks.map(([low, high]) => (high?.y ?? 0) - (low?.y ?? 0)),
      blocks.map(([low]) => low?.stratum ?? 0),
    );
    const { estimate, error, degrees, p } = stratifiedTest(strata);
    const [row] = withinSubjectsAnova(measures);
    expectClose(row?.f, (estimate / error) ** 2, 'F');
    expectClose(row?.p, p, 'p', TAILS);
    expect(row?.errorDegrees).toBe(degrees);
  });

  it('of three levels has as error what is left beyond block and stratum by level', () => {
    const measures = measuresOf(3);
    const meanOf = (wanted: (one: (typeof measures)[number]) => boolean): number =>
      mean(measures.filter(wanted).map(({ y }) => y));
    const grand = meanOf(() => true);
    const error = sum(
      measures.map(({ subject, stratum, levels: [level], y }) => {
        const block = meanOf((one) => one.subject === subject);
        const ofLevel = meanOf((one) => one.stratum === stratum && one.levels[0] === level);
        return (y - block - ofLevel + meanOf((one) => one.stratum === stratum)) ** 2;
      }),
    );
    const own = sum(
      measures.map(({ levels: [level] }) => (meanOf((one) => one.levels[0] === level) - grand) ** 2),
    );
    const [row] = withinSubjectsAnova(measures);
    expect([row?.degrees, row?.errorDegrees]).toEqual([2, 2 * (SUBJECTS * SEEDS - SUBJECTS)]);
    expectClose(row?.f, own / 2 / (error / (row?.errorDegrees ?? 0)), 'F');
    expect(() => withinSubjectsAnova(measures.slice(3))).toThrow(/strata of different sizes/);
  });
});

describe('a comparison of few subjects', () => {
  it('says to whom it applies, with the interval of its own test and no bootstrap', () => {
    const [one] = compareWithBaseline([pairsOf(TWO_BY_TWO)]);
    const { interval, p, degrees } = stratifiedTest(TWO_BY_TWO);
    expect(one).toMatchObject({ unit: 'pair', stratified: true, degrees, test: 't-test' });
    expectAllClose(one!.interval, interval, 'interval');
    expectClose(one!.p, p, 'p');
    expect(one!.bootstrapMethod).toBe('none');
    expect(one!.bootstrapInterval).toEqual([Number.NaN, Number.NaN]);
    expect(describeReach(one!)).toMatch(/differences are tested within subjects, subjects as strata/);
    const sure = compareWithBaseline([
      pairsOf([
        [-0.4, -0.42],
        [-0.44, -0.41],
      ]),
    ])[0]!;
    expect(describeVerdict(sure)).toMatch(
      /^lower by 0\.41[78] for these 2 subjects \(95 % interval \[−0\.4\d+, −0\.3\d+\], p < 0\.001\)$/,
    );
  });

  it('weighs subjects the same where they have unequal numbers of seeds', () => {
    const strata = [normals(8, 1), normals(3, 2), normals(2, 3)];
    const [one] = compareWithBaseline([pairsOf(strata)]);
    expect(one!.test).toBe('sign flips');
    expectClose(one!.difference, mean(strata.map(mean)), 'difference', { rtol: 0, atol: 1e-9 });
    expect(one!.interval[0]).toBeLessThan(one!.difference);
    expect(one!.interval[1]).toBeGreaterThan(one!.difference);
    expect(one!.bootstrapMethod).toBe('BCa');
  });

  it('says what one more seed or subject would make detectable', () => {
    const [one] = compareWithBaseline([pairsOf(TWO_BY_TWO.map(([a = 0, b = 0]) => [a, -b]))]);
    const { deviation } = stratifiedTest(TWO_BY_TWO.map(([a = 0, b = 0]) => [a, -b]));
    const found = (sizes: readonly number[]): number => {
      const degrees = sum(sizes) - sizes.length;
      const critical = tQuantile(0.975, degrees);
      let [low, high] = [0, 1000];
      for (let step = 0; step < 100; step++) {
        const middle = (low + high) / 2;
        const power =
          1 - noncentralTCdf(critical, degrees, middle) + noncentralTCdf(-critical, degrees, middle);
        [low, high] = power < 0.8 ? [middle, high] : [low, middle];
      }
      return low * deviation * Math.sqrt(errorFactor(sizes));
    };
    expectClose(one!.minimumDetectable, found([2, 2]), 'now', TAILS);
    expectClose(one!.detectableWithSeed, found([3, 3]), 'one more seed', TAILS);
    expectClose(one!.detectableWithSubject, found([2, 2, 2]), 'one more subject', TAILS);
    expect(describeVerdict(one!)).toMatch(
      /^no difference detectable for these 2 subjects \(minimum detectable effect ±\d\.\d+, with one more seed of each ±\d\.\d+, with one more subject ±\d\.\d+\)$/,
    );
  });

  it('tests what has one seed a subject by how subjects differ, and nothing where that is two', () => {
    const of = (n: number) => compareWithBaseline([pairsOf(normals(n, 4).map((d) => [d]))])[0]!;
    expect(of(3)).toMatchObject({ test: 't-test', stratified: false, degrees: 2 });
    expect(describeVerdict(of(2))).toBe(
      'not testable for these 2 subjects: 2 pairs are too few (2 seeds of each subject can be tested)',
    );
    expect(describeVerdict(of(1))).toBe(
      'not testable for this subject: a single pair (3 seeds can be tested)',
    );
    expect(describeVerdict(of(7))).toMatch(/for subjects like these 7 \(/);
  });
});
