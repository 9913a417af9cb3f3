// What a comparison may be said to show. That nothing was found is no finding of nothing: it is always said how large a
// difference would have been found.
import type { Comparison } from './comparison.ts';

export type Better = 'higher' | 'lower' | 'neither';

/** How a difference is to be taken; `unclear` where none was found or the metric has no good side. */
export type Judgement = 'better' | 'worse' | 'different' | 'unclear';

export function judge({ verdict }: Pick<Comparison, 'verdict'>, better: Better): Judgement {
  if (verdict !== 'higher' && verdict !== 'lower') return 'unclear';
  if (better === 'neither') return 'different';
  return verdict === better ? 'better' : 'worse';
}

/** Three significant digits below 1, separators from a thousand on, with a true minus sign; or as many decimals as told. */
export function formatNumber(value: number, decimals?: number): string {
  if (Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const magnitude = Math.abs(value);
  const text =
    decimals !== undefined
      ? magnitude.toFixed(decimals)
      : magnitude === 0
        ? '0'
        : magnitude >= 1000
          ? Math.round(magnitude).toLocaleString('en')
          : magnitude >= 1
            ? magnitude.toPrecision(3)
            : magnitude.toFixed(Math.min(8, 2 + Math.max(1, -Math.floor(Math.log10(magnitude)))));
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** With its sign always shown. */
export function formatDifference(value: number, decimals?: number): string {
  const text = formatNumber(value, decimals);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Decimals that give the narrowest interval's width two significant digits: more would be noise. */
export function decimalsOf(...intervals: readonly (readonly [number, number])[]): number | undefined {
  const widths = intervals.map(([low, high]) => high - low).filter((width) => width > 0);
  if (widths.length === 0) return undefined;
  return Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(Math.min(...widths)))));
}

export function formatP(p: number): string {
  if (Number.isNaN(p)) return '–';
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

export function formatInterval([low, high]: readonly [number, number], decimals?: number): string {
  return Number.isNaN(low)
    ? 'none'
    : `[${formatDifference(low, decimals)}, ${formatDifference(high, decimals)}]`;
}

/** `no difference detectable (minimum detectable effect ±0.031)`, or what was found. */
export function describeVerdict(comparison: Comparison): string {
  const { verdict, minimumDetectable, difference, interval, adjustedP, pairs } = comparison;
  const decimals = decimalsOf(interval, comparison.tInterval);
  switch (verdict) {
    case 'higher':
    case 'lower':
      return `${verdict} by ${formatNumber(Math.abs(difference), decimals)} (95 % interval ${formatInterval(interval, decimals)}, p ${told(adjustedP)})`;
    case 'not testable':
      return pairs === 0
        ? 'not testable: no pair with the baseline'
        : `not testable: ${pairs === 1 ? 'a single pair' : `${pairs} pairs are too few`}`;
    case 'not detectable':
      if (minimumDetectable > 0)
        return `no difference detectable (minimum detectable effect ±${formatNumber(minimumDetectable, decimals)})`;
      return difference === 0
        ? `no difference detectable: all ${pairs} pairs are equal`
        : `no difference detectable: ${pairs} pairs are too few`;
  }
}

function told(p: number): string {
  return p < 0.001 ? '< 0.001' : `= ${formatP(p)}`;
}

/** What the units were, and so what the conclusion reaches. */
export function describeReach({ unit, units, subjects, test, smallestP }: Comparison): string {
  const reach =
    unit === 'subject'
      ? `subjects are the units (${units}), so conclusions reach further subjects like these`
      : `pairs of seeds are the units (${units}): with ${subjects === 1 ? 'one subject' : `${subjects} subjects`} ` +
        `conclusions hold for ${subjects === 1 ? 'it' : 'them'} and further seeds only`;
  const why = {
    'sign flips': 'an exact sign-flip test decides',
    't-test': `Student’s t decides, since sign flips of ${units} units cannot go below p = ${formatP(smallestP)} before Holm’s correction`,
    none: 'nothing is tested: they are too few',
  }[test];
  return `${reach}; ${why}`;
}
