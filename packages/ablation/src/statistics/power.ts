// Power of a paired comparison: what could have been found. Two-sided power counts both tails (statsmodels' TTestPower).
import { noncentralTCdf, tQuantile } from './distributions.ts';

export interface PowerOptions {
  readonly alpha?: number;
  readonly sides?: 1 | 2;
}

/** Probability that a t-test of `n` differences finds an effect of `dz` standard deviations. */
export function tTestPower(dz: number, n: number, options: PowerOptions = {}): number {
  return noncentralPower(dz * Math.sqrt(n), n - 1, options);
}

function noncentralPower(
  noncentrality: number,
  degrees: number,
  { alpha = 0.05, sides = 2 }: PowerOptions,
): number {
  const critical = tQuantile(1 - alpha / sides, degrees);
  const upper = 1 - noncentralTCdf(critical, degrees, noncentrality);
  return sides === 1 ? upper : upper + noncentralTCdf(-critical, degrees, noncentrality);
}

/** A report asks for the same design again for every metric and method. */
const detectable = new Map<string, number>();

/**
 * Least effect, in standard errors, that a t-test of so many degrees of freedom finds with probability `power`; NaN for
 * none.
 */
export function detectableErrors(degrees: number, power = 0.8, options: PowerOptions = {}): number {
  if (!(degrees >= 1)) return Number.NaN;
  const { alpha = 0.05, sides = 2 } = options;
  const key = [degrees, power, alpha, sides].join();
  const effect =
    detectable.get(key) ?? root((errors) => noncentralPower(errors, degrees, options) - power, 0);
  detectable.set(key, effect);
  return effect;
}

/**
 * Least effect, in standard deviations of the differences, that is found with probability `power`; NaN for fewer than
 * two differences.
 */
export function minimumDetectableEffect(n: number, power = 0.8, options: PowerOptions = {}): number {
  return detectableErrors(n - 1, power, options) / Math.sqrt(n);
}

/** Number of differences, not rounded up, from which an effect of `dz` is found with probability `power`. */
export function requiredDifferences(dz: number, power = 0.8, options: PowerOptions = {}): number {
  return root((n) => tTestPower(dz, n, options) - power, 2);
}

/** Of an increasing function, above `low`: by bisection, to the last bits. */
function root(f: (x: number) => number, low: number): number {
  let step = 1;
  while (f(low + step) < 0) step *= 2;
  let high = low + step;
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return high;
}
