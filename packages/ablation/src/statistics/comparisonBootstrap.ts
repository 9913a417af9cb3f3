// The bootstrap interval that stands beside a comparison's own, where there are units enough for one.
import { createRng } from '@likeness/core';
import { bootstrapIntervals, jackknifed, resampled, type Interval } from './bootstrap.ts';
import { meanOfMeans } from './clusters.ts';
import { mean } from './summary.ts';

/** With fewer units a bootstrap interval is too narrow to be shown: about a fifth with 5, by √((n - 1) / n) and normal tails. */
export const FEWEST_RESAMPLED = 10;

export interface ComparisonBootstrap {
  readonly bootstrapInterval: Interval;
  readonly bootstrapMethod: 'BCa' | 'percentile' | 'none';
}

/** Subjects are drawn whole; with few of them all stay, and their pairs are drawn. */
export function comparisonBootstrap(
  clusters: readonly (readonly number[])[],
  unit: 'subject' | 'pair',
  {
    confidence,
    resamples,
    seed,
  }: { readonly confidence: number; readonly resamples: number; readonly seed: number },
): ComparisonBootstrap {
  const estimate = meanOfMeans(clusters);
  const units = unit === 'subject' ? clusters.length : clusters.flat().length;
  if (units < FEWEST_RESAMPLED)
    return { bootstrapInterval: [Number.NaN, Number.NaN], bootstrapMethod: 'none' };
  let replicates: number[];
  let jackknife: number[];
  if (unit === 'subject') {
    const means = clusters.map(mean);
    replicates = resampled(means, clusterRows(means.length, { resamples, seed }), mean);
    jackknife = jackknifed(means, mean);
  } else {
    const stream = createRng(seed).stream('stratified bootstrap', 0, 0);
    replicates = Array.from({ length: resamples }, () =>
      mean(
        clusters.map((members) =>
          mean(Array.from(stream.integers(members.length, 0, members.length), (i) => members[i] ?? 0)),
        ),
      ),
    );
    jackknife = clusters.flatMap((members, at) =>
      members.map((_, left) =>
        meanOfMeans(clusters.map((own, index) => (index === at ? own.filter((__, i) => i !== left) : own))),
      ),
    );
  }
  const { bca, percentile } = bootstrapIntervals(estimate, replicates, jackknife, confidence);
  return bca.some(Number.isNaN)
    ? { bootstrapInterval: percentile, bootstrapMethod: 'percentile' }
    : { bootstrapInterval: bca, bootstrapMethod: 'BCa' };
}

/** Which clusters each resample draws: the same for every metric and method of as many clusters. */
function clusterRows(
  clusters: number,
  { resamples, seed }: { readonly resamples: number; readonly seed: number },
): Int32Array[] {
  const drawn = createRng(seed)
    .stream('cluster bootstrap', 0, 0)
    .integers(resamples * clusters, 0, clusters);
  return Array.from({ length: resamples }, (_, row) => drawn.subarray(row * clusters, (row + 1) * clusters));
}
