// Distributions, through the Cephes library (WebAssembly: the same bits on every machine). Cephes has no noncentral t.
import { incbet, incbi, lgam, ndtr, ndtri } from 'cephes';

export type Alternative = 'two-sided' | 'greater' | 'less';

export const normalCdf = (x: number): number => ndtr(x);
export function normalQuantile(p: number): number {
  if (p === 0 || p === 1) return p === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return p > 0 && p < 1 ? ndtri(p) : Number.NaN;
}

/** The regularised incomplete beta function I_x(a, b): the distribution function of Beta(a, b). */
export function betaCdf(x: number, a: number, b: number): number {
  // Cephes throws outside its domain.
  return a > 0 && b > 0 && x >= 0 && x <= 1 ? incbet(a, b, x) : Number.NaN;
}

/** P(T > t) of Student's t. */
export function tSurvival(t: number, degrees: number): number {
  if (Number.isNaN(t)) return Number.NaN;
  const tail = Number.isFinite(t) ? betaCdf(degrees / (degrees + t * t), degrees / 2, 0.5) / 2 : 0;
  return t > 0 ? tail : 1 - tail;
}

export function tQuantile(p: number, degrees: number): number {
  if (!(degrees > 0 && p > 0 && p < 1)) return Number.NaN;
  const x = incbi(degrees / 2, 0.5, 2 * Math.min(p, 1 - p));
  const magnitude = Math.sqrt((degrees * (1 - x)) / x);
  return p < 0.5 ? -magnitude : magnitude;
}

/** P(F > f) of Fisher's F. */
export function fSurvival(f: number, degrees1: number, degrees2: number): number {
  if (!Number.isFinite(f)) return Number.isNaN(f) ? Number.NaN : 0;
  return betaCdf(degrees2 / (degrees2 + degrees1 * f), degrees2 / 2, degrees1 / 2);
}

/** p-value of a statistic that is symmetric about 0, from its upper tail. */
export function pValue(
  statistic: number,
  survival: (value: number) => number,
  alternative: Alternative,
): number {
  if (alternative === 'greater') return survival(statistic);
  if (alternative === 'less') return survival(-statistic);
  return Math.min(1, 2 * survival(Math.abs(statistic)));
}

/** log Γ(x). */
export const logGamma = (x: number): number => lgam(x);

/**
 * P(T ≤ t) of the noncentral t distribution, by the series of Lenth (1989, algorithm AS 243): Poisson weights of the
 * noncentrality times incomplete beta functions.
 */
export function noncentralTCdf(t: number, degrees: number, noncentrality: number): number {
  if (t < 0) return 1 - noncentralTCdf(-t, degrees, -noncentrality);
  const atZero = normalCdf(-noncentrality);
  if (t === 0) return atZero;
  const lambda = noncentrality ** 2 / 2;
  if (lambda === 0) return 1 - tSurvival(t, degrees);
  const x = (t * t) / (t * t + degrees);
  let total = 0;
  for (let j = 0; ; j++) {
    const even = Math.exp(j * Math.log(lambda) - lambda - logGamma(j + 1));
    const odd = Math.exp((j + 0.5) * Math.log(lambda) - lambda - logGamma(j + 1.5));
    const term =
      even * betaCdf(x, j + 0.5, degrees / 2) +
      Math.sign(noncentrality) * odd * betaCdf(x, j + 1, degrees / 2);
    total += term;
    // Past the weights' peak they fall faster than geometrically.
    if (j > lambda && even + odd < 1e-17) break;
  }
  return Math.min(1, Math.max(0, atZero + total / 2));
}
