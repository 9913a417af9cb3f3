// Power, factorial designs, several tests at once and Pareto fronts, against statsmodels, scipy and rliable's rules.
import { describe, expect, it } from 'vitest';
import {
  anova,
  factorialTerms,
  interactionEffects,
  marginalEffects,
  twoLevelEffects,
  type Anova,
  type Observation,
} from './factorial.ts';
import { adjustP, type Adjustment } from './multiplicity.ts';
import { paretoFront, paretoLayers, type Sense } from './pareto.ts';
import { minimumDetectableEffect, requiredDifferences, tTestPower } from './power.ts';
import { expectAllClose, expectClose, readFixture, type Written } from './testFixtures.ts';
import { withinSubjectsAnova } from './withinSubjects.ts';

/** p-values through tails of F and the noncentral t. */
const TAILS = { rtol: 1e-7 };

describe('power', () => {
  interface Row {
    readonly nobs: number;
    readonly alpha: number;
    readonly power: number;
    readonly effect: number;
    readonly alternative: 'two-sided' | 'larger';
    readonly minimum_effect_dz: number;
  }
  const fixture = readFixture<Record<'minimum_detectable' | 'power' | 'required_nobs', Row[]>>('power');
  const options = ({ alpha, alternative }: Row) =>
    ({ alpha, sides: alternative === 'two-sided' ? 2 : 1 }) as const;

  it('of an effect', () => {
    for (const row of fixture.power)
      expectClose(tTestPower(row.effect, row.nobs, options(row)), row.power, JSON.stringify(row), TAILS);
  });

  it('minimum detectable effect', () => {
    for (const row of fixture.minimum_detectable)
      expectClose(
        minimumDetectableEffect(row.nobs, row.power, options(row)),
        row.minimum_effect_dz,
        JSON.stringify(row),
        TAILS,
      );
  });

  it('how many differences an effect needs', () => {
    for (const row of fixture.required_nobs)
      expectClose(
        requiredDifferences(row.effect, row.power, options(row)),
        row.nobs,
        JSON.stringify(row),
        TAILS,
      );
  });
});

describe('factorial designs', () => {
  type Row = Record<'df' | 'ss' | 'f' | 'p' | 'partial_eta2', Written>;
  type Table = Record<string, Row>;
  interface Fixture {
    readonly two_way: {
      readonly y: number[][][];
      readonly grand_mean: number;
      readonly cell_means: number[][];
      readonly marginal_means_a: number[];
      readonly marginal_means_b: number[];
      readonly main_effects_a: number[];
      readonly main_effects_b: number[];
      readonly interaction_effects: number[][];
      readonly anova: Table;
    };
    readonly unbalanced: {
      readonly rows: [number, number, number][];
      readonly cell_means: number[][];
      readonly cell_counts: number[][];
      readonly unweighted_marginal_means_a: number[];
      readonly anova_type2: Table;
      readonly anova_type3_sum_coding: Table;
    };
    readonly within_subject: {
      readonly y: number[][][];
      readonly anova_rm: Record<string, Record<'num_df' | 'den_df' | 'f' | 'p', number>>;
    };
    readonly two_level: {
      readonly design: number[][];
      readonly y: number[][];
      readonly effects: Record<string, Record<'effect' | 'se' | 't' | 'p', number>>;
    };
  }
  const fixture = readFixture<Fixture>('factorial');
  const NAMES = ['A', 'B', 'AxB'];

  function checkTable(found: Anova, expected: Table): void {
    found.rows.forEach((row, index) => {
      const wanted = expected[NAMES[index]!]!;
      const what = NAMES[index]!;
      expect(row.degrees).toBe(wanted.df);
      expectClose(row.sumOfSquares, wanted.ss, `${what} SS`);
      expectClose(row.f, wanted.f, `${what} F`);
      expectClose(row.p, wanted.p, `${what} p`, TAILS);
      if (wanted.partial_eta2 !== undefined) expectClose(row.partialEta2, wanted.partial_eta2, `${what} η²`);
    });
    expect(found.residual.degrees).toBe(expected['residual']!.df);
    expectClose(found.residual.sumOfSquares, expected['residual']!.ss, 'residual');
    if (found.intercept !== undefined) expectClose(found.intercept.f, expected['intercept']!.f, 'intercept');
  }

  const balanced: Observation[] = fixture.two_way.y.flatMap((rows, a) =>
    rows.flatMap((replicates, b) => replicates.map((y) => ({ levels: [a, b], y }))),
  );
  const unbalanced: Observation[] = fixture.unbalanced.rows.map(([a, b, y]) => ({ levels: [a, b], y }));

  it('means, main effects and interactions', () => {
    const expected = fixture.two_way;
    const found = marginalEffects(balanced);
    expectClose(found.grandMean, expected.grand_mean, 'grand mean');
    expectAllClose(found.marginalMeans[0]!, expected.marginal_means_a, 'means of A');
    expectAllClose(found.marginalMeans[1]!, expected.marginal_means_b, 'means of B');
    expectAllClose(found.mainEffects[0]!, expected.main_effects_a, 'A');
    expectAllClose(found.mainEffects[1]!, expected.main_effects_b, 'B');
    expectAllClose(interactionEffects(balanced, 0, 1).flat(), expected.interaction_effects.flat(), 'AxB');
    for (const { levels, mean } of found.cells)
      expectClose(mean, expected.cell_means[levels[0]!]![levels[1]!], `cell ${levels}`);
    const partial = marginalEffects(unbalanced);
    expectAllClose(
      partial.marginalMeans[0]!,
      fixture.unbalanced.unweighted_marginal_means_a,
      'unweighted means of A',
    );
    for (const { levels, n } of partial.cells)
      expect(n).toBe(fixture.unbalanced.cell_counts[levels[0]!]![levels[1]!]);
  });

  it('analysis of variance: balanced, and of type II and III', () => {
    checkTable(anova(balanced), fixture.two_way.anova);
    checkTable(anova(unbalanced), fixture.unbalanced.anova_type2);
    checkTable(anova(unbalanced, { type: 3 }), fixture.unbalanced.anova_type3_sum_coding);
  });

  it('repeated measures', () => {
    const measures = fixture.within_subject.y.flatMap((rows, subject) =>
      rows.flatMap((scores, a) => scores.map((y, b) => ({ subject, levels: [a, b], y }))),
    );
    withinSubjectsAnova(measures).forEach((row, index) => {
      const wanted = fixture.within_subject.anova_rm[NAMES[index]!]!;
      expect([row.degrees, row.errorDegrees]).toEqual([wanted.num_df, wanted.den_df]);
      expectClose(row.f, wanted.f, `F of ${NAMES[index]}`);
      expectClose(row.p, wanted.p, `p of ${NAMES[index]}`, TAILS);
    });
    expect(() => withinSubjectsAnova(measures.slice(1))).toThrow(/do not fill/);
  });

  it('two levels a factor', () => {
    const runs = fixture.two_level.design.flatMap((signs, run) =>
      fixture.two_level.y[run]!.map((y) => ({ levels: signs.map((sign) => (sign + 1) / 2), y })),
    );
    const effects = twoLevelEffects(runs);
    expect(effects.length).toBe(Object.keys(fixture.two_level.effects).length);
    for (const { term, effect, standardError, t, p } of effects) {
      const name = term.map((factor) => 'ABCDE'[factor]).join('x');
      const wanted = fixture.two_level.effects[name]!;
      expectClose(effect, wanted.effect, `effect of ${name}`);
      expectClose(standardError, wanted.se, `error of ${name}`);
      expectClose(t, wanted.t, `t of ${name}`);
      expectClose(p, wanted.p, `p of ${name}`, TAILS);
    }
    expect(factorialTerms(3, 2)).toEqual([[0], [1], [2], [0, 1], [0, 2], [1, 2]]);
  });
});

describe('several tests at once', () => {
  const NAMES: Readonly<Record<string, Adjustment>> = {
    holm: 'holm',
    bonferroni: 'bonferroni',
    fdr_bh: 'benjamini-hochberg',
    fdr_by: 'benjamini-yekutieli',
    hommel: 'hommel',
    'simes-hochberg': 'hochberg',
  };
  type Case = { readonly name: string; readonly p: number[] } & Record<
    string,
    { adjusted: number[]; reject: boolean[] }
  >;
  const { cases } = readFixture<{ cases: Case[] }>('multiplicity');

  it.each(cases.map(({ name }) => name))('%s', (name) => {
    const found = cases.find((one) => one.name === name)!;
    for (const [key, method] of Object.entries(NAMES)) {
      const adjusted = adjustP(found.p, method);
      expectAllClose(adjusted, found[key]!.adjusted, key);
      expect(
        adjusted.map((p) => p <= 0.05),
        key,
      ).toEqual(found[key]!.reject);
    }
  });
});

describe('Pareto fronts', () => {
  interface Case {
    readonly name: string;
    readonly points: number[][];
    readonly senses: Sense[];
    readonly front: number[];
    readonly layers: number[][];
  }
  const { cases } = readFixture<{ cases: Case[] }>('pareto');

  it.each(cases.map(({ name }) => name))('%s', (name) => {
    const { points, senses, front, layers } = cases.find((one) => one.name === name)!;
    expect(paretoFront(points, senses)).toEqual(front);
    expect(paretoLayers(points, senses)).toEqual(layers);
  });
});
