// Intervals for given resamples, against scipy's bootstrap; clusters against statsmodels; aggregates against rliable.
import { describe, expect, it } from 'vitest';
import {
  aggregateScores,
  averageProfile,
  performanceProfile,
  probabilityOfImprovement,
  stratifiedResample,
  winShare,
} from './aggregates.ts';
import { bootstrapIntervals, jackknifed, resampled } from './bootstrap.ts';
import { clusterRobust, meanOfMeans, pooledMean } from './clusters.ts';
import { signFlipTest } from './signFlip.ts';
import { groupBy, interquartileMean, mean, median, quantile, standardDeviation, sum } from './summary.ts';
import {
  expectAllClose,
  expectClose,
  readDataSets,
  readFixture,
  readRows,
  type Written,
} from './testFixtures.ts';

interface Level {
  readonly percentile: Written[];
  readonly basic: Written[];
  readonly bca: { z0: Written; acceleration: Written; levels: Written[]; interval: Written[] };
}
type Intervals = Record<string, unknown> & {
  readonly estimate: number;
  readonly standard_error: number;
  readonly bias: number;
};

const data = readDataSets();
const STATISTICS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  mean,
  median,
  iqm: interquartileMean,
  cohen_dz: (values) => mean(values) / standardDeviation(values),
};

function checkIntervals(
  expected: Intervals,
  estimate: number,
  replicates: readonly number[],
  jackknife: readonly number[],
): void {
  expectClose(estimate, expected.estimate, 'estimate');
  for (const confidence of ['0.9', '0.95']) {
    const level = expected[confidence] as Level | undefined;
    if (level === undefined) continue;
    const found = bootstrapIntervals(estimate, replicates, jackknife, Number(confidence));
    expectClose(found.standardError, expected.standard_error, 'standard error');
    expectClose(found.bias, expected.bias, 'bias');
    expectAllClose(found.percentile, level.percentile, 'percentile');
    expectAllClose(found.basic, level.basic, 'basic');
    expectClose(found.z0, level.bca.z0, 'z0');
    expectClose(found.acceleration, level.bca.acceleration, 'acceleration');
    expectAllClose(found.levels, level.bca.levels, 'levels');
    expectAllClose(found.bca, level.bca.interval, 'BCa');
  }
}

const bootstrap = readFixture<{ datasets: Record<string, Record<string, Intervals>> }>('bootstrap').datasets;

describe.each(Object.keys(bootstrap))('bootstrap of %s', (name) => {
  const { a, b } = data[name]!;
  const d = a.map((value, index) => value - b[index]!);

  it.each(Object.keys(bootstrap[name]!))('%s', async (statistic) => {
    const { rows } = await readRows(`${name}.indices`);
    const f = STATISTICS[statistic]!;
    const replicates = resampled(d, rows, f);
    const expected = (await readRows(`${name}.${statistic}.replicates`)).rows.flat();
    expectAllClose(replicates, expected, 'replicates');
    checkIntervals(bootstrap[name]![statistic]!, f(d), replicates, jackknifed(d, f));
  });
});

interface ClusterFixture {
  readonly cluster_means: number[];
  readonly bootstrap: Record<'pooled_mean' | 'mean_of_cluster_means', Intervals>;
  readonly cluster_sign_flip: Record<
    'pooled_sum' | 'mean_of_cluster_means',
    Record<'greater' | 'less' | 'two-sided', number>
  >;
  readonly cr1_ci95: number[];
  readonly [name: string]: unknown;
}
const clusters = readFixture<{ datasets: Record<string, ClusterFixture> }>('clusters').datasets;

describe.each(Object.keys(clusters))('clusters of %s', (name) => {
  const expected = clusters[name]!;
  const { a, b, subject = [] } = data[name]!;
  const grouped = groupBy(
    a.map((value, index) => value - b[index]!),
    subject,
  );

  it('robust errors, t and intraclass correlation', () => {
    const found = clusterRobust(grouped);
    expectAllClose(grouped.map(mean), expected.cluster_means, 'means');
    const number = (key: string): number => expected[key] as number;
    expectClose(found.mean, number('mean'), 'mean');
    expectClose(found.naiveError, number('se_naive'), 'naive');
    expectClose(found.cr0Error, number('se_cr0'), 'CR0');
    expectClose(found.cr1Error, number('se_cr1'), 'CR1');
    expectClose(found.t, number('cr1_t'), 't');
    expectClose(found.p, number('cr1_p_t_df_clusters_minus_1'), 'p');
    expectAllClose(found.interval, expected.cr1_ci95, 'interval');
    expectClose(found.icc, number('icc1'), 'ICC');
    expectClose(found.typicalSize, number('icc1_k0'), 'k0');
    expectClose(found.designEffect, number('design_effect_cr1'), 'design effect');
    expectClose(meanOfMeans(grouped), number('mean_of_cluster_means'), 'mean of means');
  });

  it('resampled as whole clusters', async () => {
    const { rows } = await readRows(`${name}.cluster_indices`);
    for (const [key, f] of [
      ['pooled_mean', pooledMean],
      ['mean_of_cluster_means', meanOfMeans],
    ] as const) {
      checkIntervals(
        expected.bootstrap[key],
        f(grouped),
        resampled(grouped, rows, f),
        jackknifed(grouped, f),
      );
    }
  });

  it('sign flips of whole clusters', () => {
    const noDraws = (): never => {
      throw new Error('exact');
    };
    const flips = { pooled_sum: grouped.map(sum), mean_of_cluster_means: grouped.map(mean) };
    for (const key of ['pooled_sum', 'mean_of_cluster_means'] as const) {
      const { p } = signFlipTest(flips[key], noDraws);
      for (const side of ['greater', 'less', 'two-sided'] as const)
        expectClose(p[side], expected.cluster_sign_flip[key][side], `${key} ${side}`);
    }
  });
});

interface Rliable {
  readonly x: number[][];
  readonly y: number[][];
  readonly taus: number[];
  readonly aggregate_x: Record<string, number>;
  readonly aggregate_y: Record<string, number>;
  readonly profile_x: number[];
  readonly profile_y: number[];
  readonly average_profile_x: number[];
  readonly average_profile_y: number[];
  readonly probability_of_improvement: Record<'x_over_y' | 'y_over_x' | 'x_over_itself', number> & {
    per_task: number[];
  };
  readonly iqm_stratified_percentile_ci95: number[];
}

describe('rliable', () => {
  const fixture = readFixture<Rliable>('rliable');
  // The files have [run][task].
  const turned = (runs: number[][]): number[][] => runs[0]!.map((_, task) => runs.map((run) => run[task]!));
  const [x, y] = [turned(fixture.x), turned(fixture.y)];

  it('aggregates, profiles and probability of improvement', () => {
    for (const [scores, expected] of [
      [x, fixture.aggregate_x],
      [y, fixture.aggregate_y],
    ] as const) {
      const found = aggregateScores(scores);
      for (const key of ['mean', 'median', 'iqm'] as const) expectClose(found[key], expected[key], key);
      expectClose(found.optimalityGap, expected['optimality_gap'], 'optimality gap');
      expectClose(aggregateScores(scores, 0.7).optimalityGap, expected['optimality_gap_0.7'], 'gap to 0.7');
    }
    expectAllClose(performanceProfile(x, fixture.taus), fixture.profile_x, 'profile of x');
    expectAllClose(performanceProfile(y, fixture.taus), fixture.profile_y, 'profile of y');
    expectAllClose(averageProfile(x, fixture.taus), fixture.average_profile_x, 'average profile of x');
    expectAllClose(averageProfile(y, fixture.taus), fixture.average_profile_y, 'average profile of y');
    const improvement = fixture.probability_of_improvement;
    expectClose(probabilityOfImprovement(x, y), improvement.x_over_y, 'x over y');
    expectClose(probabilityOfImprovement(y, x), improvement.y_over_x, 'y over x');
    expectClose(probabilityOfImprovement(x, x), improvement.x_over_itself, 'x over itself');
    expectAllClose(
      x.map((runs, task) => winShare(runs, y[task]!)),
      improvement.per_task,
      'per task',
    );
  });

  it('resampled within tasks', async () => {
    const { rows, shape } = await readRows('rliable.strata_indices'); // [B, runs, tasks]
    const tasks = shape[2]!;
    const replicates = rows.map((row) => {
      const indices = Array.from({ length: shape[1]! }, (_, run) =>
        row.slice(run * tasks, (run + 1) * tasks),
      );
      return aggregateScores(stratifiedResample(x, indices)).iqm;
    });
    expectAllClose(replicates, (await readRows('rliable.iqm.replicates')).rows.flat(), 'replicates');
    expectAllClose(
      [quantile(replicates, 0.025), quantile(replicates, 0.975)],
      fixture.iqm_stratified_percentile_ci95,
      'interval',
    );
    expect(replicates.length).toBe(shape[0]);
  });
});
