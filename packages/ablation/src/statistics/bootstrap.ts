// Bootstrap intervals: percentile, basic, and BCa (Efron 1987) with scipy's formulas.
import { normalCdf, normalQuantile } from './distributions.ts';
import { ascending, mean, sortedQuantile, standardDeviation, sum } from './summary.ts';

export type Interval = readonly [low: number, high: number];

export interface BootstrapIntervals {
  readonly percentile: Interval;
  /** Reflected about the estimate. */
  readonly basic: Interval;
  /** Bias-corrected and accelerated; NaN where replicates or jackknife values do not vary. */
  readonly bca: Interval;
  /** BCa's parts: bias correction, acceleration, and the levels it reads the quantiles at. */
  readonly z0: number;
  readonly acceleration: number;
  readonly levels: Interval;
  readonly standardError: number;
  readonly bias: number;
}

/**
 * @param estimate of the data itself
 * @param replicates of resampled data
 * @param jackknife estimates without one unit (value or cluster) each
 */
export function bootstrapIntervals(
  estimate: number,
  replicates: readonly number[],
  jackknife: readonly number[],
  confidence = 0.95,
): BootstrapIntervals {
  const sorted = ascending(replicates);
  const [lower, upper] = [(1 - confidence) / 2, (1 + confidence) / 2];
  const between = (low: number, high: number): Interval => [
    sortedQuantile(sorted, low),
    sortedQuantile(sorted, high),
  ];
  const percentile = between(lower, upper);
  const z0 = biasCorrection(estimate, replicates);
  const acceleration = accelerationOf(jackknife);
  const level = (p: number): number => {
    const z = z0 + normalQuantile(p);
    return normalCdf(z0 + z / (1 - acceleration * z));
  };
  const levels: Interval = [level(lower), level(upper)];
  return {
    percentile,
    basic: [2 * estimate - percentile[1], 2 * estimate - percentile[0]],
    bca: between(...levels),
    z0,
    acceleration,
    levels,
    standardError: standardDeviation(replicates),
    bias: mean(replicates) - estimate,
  };
}

/** Replicates equal to the estimate count half. */
function biasCorrection(estimate: number, replicates: readonly number[]): number {
  const equal = replicates.filter((value) => Math.abs(value - estimate) <= 1e-12).length;
  const below = replicates.filter((value) => value < estimate - 1e-12).length;
  return normalQuantile((below + equal / 2) / replicates.length);
}

function accelerationOf(jackknife: readonly number[]): number {
  const centre = mean(jackknife);
  const influence = jackknife.map((value) => (jackknife.length - 1) * (centre - value));
  const squares = sum(influence.map((u) => u ** 2));
  return sum(influence.map((u) => u ** 3)) / (6 * squares ** 1.5);
}

/** A statistic without one unit each, in order. */
export function jackknifed<T>(units: readonly T[], statistic: (units: readonly T[]) => number): number[] {
  return units.map((_, left) => statistic(units.filter((__, index) => index !== left)));
}

/** A statistic of the units each row of indices picks. */
export function resampled<T>(
  units: readonly T[],
  rows: Iterable<ArrayLike<number>>,
  statistic: (units: readonly T[]) => number,
): number[] {
  return Array.from(rows, (row) => statistic(Array.from(row, (index) => picked(units, index))));
}

function picked<T>(units: readonly T[], index: number): T {
  if (!(index in units)) throw new RangeError(`index ${index} among ${units.length} units`);
  return units[index] as T;
}
