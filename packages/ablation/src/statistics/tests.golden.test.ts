// Tests, effect sizes and correlations of 19 data sets, against scipy.
import { describe, expect, it } from 'vitest';
import { kendall, pearson, spearman } from './correlation.ts';
import { effectSizes, signTest, tTest } from './effectSizes.ts';
import { flipTails, signFlipP, signFlipTest } from './signFlip.ts';
import { differences, interquartileMean, mean, median, standardDeviation } from './summary.ts';
import {
  expectAllClose,
  expectClose,
  readDataSets,
  readFixture,
  readRows,
  type Written,
} from './testFixtures.ts';
import { wilcoxonSignedRank, type WilcoxonMethod, type ZeroMethod } from './wilcoxon.ts';

type Sides = Record<'two-sided' | 'greater' | 'less', Written>;
interface WilcoxonRow {
  readonly method: WilcoxonMethod;
  readonly zero_method: ZeroMethod;
  readonly alternative: 'two-sided' | 'greater' | 'less';
  readonly correction: boolean;
  readonly statistic: Written;
  readonly p: Written;
  readonly z?: Written;
}
interface RankTests {
  readonly differences: number[];
  readonly wilcoxon: WilcoxonRow[];
  readonly wilcoxon_exact_with_ties: Record<'wilcox' | 'pratt', Sides & { statistic_r_plus: number }>;
}
interface Tests extends RankTests {
  readonly sign_flip_exact: Sides & { mean: number };
  readonly sign_flip_monte_carlo?: Sides;
  readonly rounded_differences?: RankTests;
  readonly effects: Record<string, Written> & {
    t_p: Sides;
    t_ci95: Written[];
    sign_test: { positive: number; n_nonzero: number; p_two_sided: Written };
    iqm: Record<string, Written>;
  };
  readonly correlations_a_b: {
    pearson: { r: Written; p: Written; ci95_fisher: Written[]; error?: string };
    spearman: { rho: Written; p: Written };
    kendall: Record<'auto' | 'exact' | 'asymptotic', { tau_b: Written; p: Written; error?: string }>;
  };
}

const { tests } = readFixture<{ tests: Record<string, Tests> }>('tests');
const data = readDataSets();
const SIDES = ['two-sided', 'greater', 'less'] as const;

describe.each(Object.keys(tests))('%s', (name) => {
  const expected = tests[name]!;
  const { a, b } = data[name]!;
  const d = expected.differences;

  it('Wilcoxon: statistic, z and p by every method, zero rule and side', () => {
    checkWilcoxon(expected);
    // What a comparison uses: differences rounded first, so that equal ones tie.
    const rounded = expected.rounded_differences ?? expected;
    expect(differences(a, b)).toEqual(rounded.differences);
    checkWilcoxon(rounded);
  });

  it('sign flips: all patterns, and given ones', async () => {
    const scale = name.includes('decimals') ? 100 : 1024;
    const whole = d.map((value) => Math.round(value * scale));
    const positive = whole.filter((value) => value > 0).reduce((total, value) => total + value, 0);
    const tails = flipTails(whole.map(Math.abs), positive);
    for (const side of SIDES) expectClose(tails[side], expected.sign_flip_exact[side], side);
    if (d.length <= 20) {
      const { p, exact } = signFlipTest(differences(a, b), () => {
        throw new Error('no random numbers are needed');
      });
      expect(exact).toBe(true);
      for (const side of SIDES) expectClose(p[side], expected.sign_flip_exact[side], side);
    }
    if (expected.sign_flip_monte_carlo !== undefined) {
      const { rows } = await readRows(`${name}.signs`);
      const p = signFlipP(d, rows);
      for (const side of SIDES) expectClose(p[side], expected.sign_flip_monte_carlo[side], side);
    }
  });

  it('t-test, effect sizes, summaries', () => {
    const e = expected.effects;
    const { t, degrees, p, interval } = tTest(d);
    expectClose(t, e['t'], 't');
    expect(degrees).toBe(e['df']);
    for (const side of SIDES) expectClose(p[side], e.t_p[side], `t-test ${side}`);
    expectAllClose(interval, e.t_ci95, 'interval');
    const sizes = effectSizes(a, b, d);
    expectClose(sizes.cohenDz, e['cohen_dz'], 'd_z');
    expectClose(sizes.hedgesGz, e['hedges_gz_exact'], 'g_z');
    expectClose(sizes.cohenDav, e['cohen_dav'], 'd_av');
    expectClose(sizes.cliffsDelta, e['cliffs_delta'], "Cliff's δ");
    expectClose(sizes.probabilityOfSuperiority, e['probability_of_superiority'], 'superiority');
    expectClose(sizes.pairedDominance, e['paired_dominance'], 'dominance');
    expectClose(sizes.matchedRankBiserial, e['matched_rank_biserial'], 'rank biserial');
    expectClose(mean(d), e['mean_difference'], 'mean');
    expectClose(median(d), e['median_difference'], 'median');
    expectClose(standardDeviation(d), e['sd_difference'], 'standard deviation');
    expectClose(interquartileMean(a), e.iqm['a'], 'IQM of a');
    expectClose(interquartileMean(d), e.iqm['of_differences'], 'IQM of differences');
    const sign = signTest(d);
    expect([sign.positive, sign.nonzero]).toEqual([e.sign_test.positive, e.sign_test.n_nonzero]);
    expectClose(sign.p, e.sign_test.p_two_sided, 'sign test');
  });

  it('correlations', () => {
    const e = expected.correlations_a_b;
    const r = pearson(a, b);
    expectClose(r.coefficient, e.pearson.r, 'r');
    // At |r| = 1 the p-value is rounding noise.
    const noise = Math.abs(r.coefficient) > 1 - 1e-12;
    if (!noise) expectClose(r.p, e.pearson.p, 'p of r', { rtol: 1e-7 });
    if (!noise) expectAllClose(r.interval, e.pearson.ci95_fisher, 'interval of r');
    const rho = spearman(a, b);
    expectClose(rho.coefficient, e.spearman.rho, 'ρ');
    expectClose(rho.p, e.spearman.p, 'p of ρ', { rtol: 1e-7 });
    for (const method of ['auto', 'exact', 'asymptotic'] as const) {
      const { tau_b, p, error } = e.kendall[method];
      if (error !== undefined) {
        expect(() => kendall(a, b, method)).toThrow(/ties/);
        continue;
      }
      const tau = kendall(a, b, method);
      expectClose(tau.coefficient, tau_b, `τ ${method}`);
      expectClose(tau.p, p, `p of τ ${method}`);
    }
  });
});

function checkWilcoxon({ differences: d, wilcoxon, wilcoxon_exact_with_ties: ties }: RankTests): void {
  for (const row of wilcoxon) {
    const { method, zero_method: zeroMethod, alternative, correction } = row;
    const what = `${method} ${zeroMethod} ${alternative} ${correction}`;
    const result = wilcoxonSignedRank(d, { method, zeroMethod, alternative, correction });
    expectClose(result.statistic, row.statistic, `statistic: ${what}`);
    expectClose(result.p, row.p, `p: ${what}`);
    if (row.z !== undefined) expectClose(result.z, row.z, `z: ${what}`);
  }
  for (const zeroMethod of ['wilcox', 'pratt'] as const) {
    for (const alternative of SIDES) {
      const { p } = wilcoxonSignedRank(d, { method: 'permutation', zeroMethod, alternative });
      expectClose(p, ties[zeroMethod][alternative], `with ties: ${zeroMethod} ${alternative}`);
    }
  }
}
