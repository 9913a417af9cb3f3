// Few subjects: what differs within each of them, subjects as strata. The spread between subjects then neither hides a
// difference nor speaks for further subjects: what is found holds for these.
import { pValue, tQuantile, tSurvival } from './distributions.ts';
import { mean, standardDeviation, sum } from './summary.ts';

export interface StratifiedTest {
  /** Mean over strata of their means: every stratum weighs the same. */
  readonly estimate: number;
  /** Standard deviation within strata, pooled over them. */
  readonly deviation: number;
  /** Of the estimate. */
  readonly error: number;
  /** Values less strata. */
  readonly degrees: number;
  /** Two-sided. */
  readonly p: number;
  readonly interval: readonly [number, number];
}

/**
 * Student's t of the mean of strata's means against 0: the constant of an ordinary regression on the strata with
 * sum-to-zero coding. One stratum is the t-test of its values. NaN without two values in some stratum.
 */
export function stratifiedTest(strata: readonly (readonly number[])[], confidence = 0.95): StratifiedTest {
  const estimate = mean(strata.map(mean));
  const degrees = sum(strata.map((values) => values.length - 1));
  const deviation = pooledDeviation(strata);
  const error = deviation * Math.sqrt(errorFactor(strata.map((values) => values.length)));
  const half = tQuantile((1 + confidence) / 2, degrees) * error;
  return {
    estimate,
    deviation,
    error,
    degrees,
    p: pValue(estimate / error, (t) => tSurvival(t, degrees), 'two-sided'),
    interval: [estimate - half, estimate + half],
  };
}

/** Variance of the mean of strata's means, in units of that of one value. @param sizes values in each stratum */
export function errorFactor(sizes: readonly number[]): number {
  return sum(sizes.map((size) => 1 / size)) / sizes.length ** 2;
}

/** Of all values about the means of their strata; NaN where each stratum has one. */
export function pooledDeviation(strata: readonly (readonly number[])[]): number {
  const degrees = sum(strata.map((values) => values.length - 1));
  const squares = strata.map((values) =>
    values.length < 2 ? 0 : standardDeviation(values) ** 2 * (values.length - 1),
  );
  return degrees < 1 ? Number.NaN : Math.sqrt(sum(squares) / degrees);
}
