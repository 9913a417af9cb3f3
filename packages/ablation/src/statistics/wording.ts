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

/** Three significant digits of the smaller of value and error, with a true minus sign. */
export function formatNumber(value: number, digits = 3): string {
  if (Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const magnitude = Math.abs(value);
  const text =
    magnitude === 0
      ? '0'
      : magnitude >= 10_000
        ? Math.round(magnitude).toLocaleString('en')
        : magnitude >= 1
          ? magnitude.toPrecision(Math.max(digits, Math.floor(Math.log10(magnitude)) + 1))
          : magnitude.toFixed(Math.min(6, digits + Math.max(0, -Math.floor(Math.log10(magnitude)) - 2)));
  return value < 0 && Number(text.replaceAll(',', '')) !== 0 ? `−${text}` : text;
}

/** With its sign always shown. */
export function formatDifference(value: number, digits = 3): string {
  const text = formatNumber(value, digits);
  return value > 0 && Number(text.replaceAll(',', '')) !== 0 ? `+${text}` : text;
}

export function formatP(p: number): string {
  if (Number.isNaN(p)) return '–';
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

export function formatInterval([low, high]: readonly [number, number]): string {
  return Number.isNaN(low) ? 'none' : `[${formatDifference(low)}, ${formatDifference(high)}]`;
}

/** `no difference detectable (minimum detectable effect ±0.031)`, or what was found. */
export function describeVerdict(comparison: Comparison): string {
  const { verdict, minimumDetectable, difference, interval, adjustedP, pairs } = comparison;
  switch (verdict) {
    case 'higher':
    case 'lower':
      return `${verdict} by ${formatNumber(Math.abs(difference))} (95 % interval ${formatInterval(interval)}, p ${told(adjustedP)})`;
    case 'not testable':
      return pairs === 0
        ? 'not testable: no pair with the baseline'
        : `not testable: ${pairs === 1 ? 'a single pair' : 'too few pairs'}`;
    case 'not detectable':
      if (minimumDetectable > 0)
        return `no difference detectable (minimum detectable effect ±${formatNumber(minimumDetectable)})`;
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
  const why =
    test === 'sign flips'
      ? 'an exact sign-flip test decides'
      : `Student's t decides, since sign flips of ${units} units cannot go below p = ${formatP(smallestP)} before Holm's correction`;
  return `${reach}; ${why}`;
}
