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
  const widths = intervals.map(([low, high]) => high - low).filter((width) => width > 0 && width < Infinity);
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

/**
 * `lower by 0.413 for these 2 subjects (95 % interval […], p = 0.011)`, or how large a difference would have been found,
 * and what one more seed or subject would make of that.
 */
export function describeVerdict(comparison: Comparison): string {
  const { verdict, difference, interval, adjustedP, pairs } = comparison;
  const decimals = decimalsOf(interval, comparison.tInterval);
  const whom = describeScope(comparison);
  switch (verdict) {
    case 'higher':
    case 'lower':
      return `${verdict} by ${formatNumber(Math.abs(difference), decimals)} ${whom} (95 % interval ${formatInterval(interval, decimals)}, p ${told(adjustedP)})`;
    case 'not testable':
      return pairs === 0
        ? 'not testable: no pair with the baseline'
        : `not testable ${whom}: ${pairs === 1 ? 'a single pair' : `${pairs} pairs are too few`} (${enough(comparison)})`;
    case 'not detectable':
      if (comparison.minimumDetectable > 0)
        return `no difference detectable ${whom} (${describeDetectable(comparison, decimals)})`;
      return difference === 0
        ? `no difference detectable ${whom}: all ${pairs} pairs are equal`
        : `no difference detectable ${whom}: ${pairs} pairs are too few`;
  }
}

/** To whom a conclusion applies: subjects like those there were, or just those. */
export function describeScope({ unit, subjects }: Pick<Comparison, 'unit' | 'subjects'>): string {
  if (unit === 'subject') return `for subjects like these ${subjects}`;
  return subjects === 1 ? 'for this subject' : `for these ${subjects} subjects`;
}

function describeDetectable(
  { minimumDetectable, detectableWithSeed, detectableWithSubject }: Comparison,
  decimals: number | undefined,
): string {
  const further = [
    ['one more seed of each', detectableWithSeed] as const,
    ['one more subject', detectableWithSubject] as const,
  ].flatMap(([what, size]) =>
    Number.isFinite(size) ? [`, with ${what} ±${formatNumber(size, decimals)}`] : [],
  );
  return `minimum detectable effect ±${formatNumber(minimumDetectable, decimals)}${further.join('')}`;
}

/** From how many seeds on a few subjects can be tested. */
function enough({ subjects }: Comparison): string {
  return subjects === 1 ? '3 seeds can be tested' : '2 seeds of each subject can be tested';
}

function told(p: number): string {
  return p < 0.001 ? '< 0.001' : `= ${formatP(p)}`;
}

/** What the units were, and so what the conclusion reaches. */
export function describeReach(comparison: Comparison): string {
  const { unit, units, subjects, stratified, test, smallestP } = comparison;
  const these = subjects === 1 ? 'it' : 'them';
  const reach =
    unit === 'subject'
      ? `subjects are the units (${units}), so conclusions reach further subjects like these`
      : `pairs of seeds are the units (${units}): with ${subjects === 1 ? 'one subject' : `${subjects} subjects`} ` +
        (stratified && subjects > 1
          ? `differences are tested within subjects, subjects as strata, and conclusions hold for ${these} and further seeds only`
          : `conclusions hold for ${these} and further seeds only`);
  const why = {
    'sign flips': 'an exact sign-flip test decides',
    't-test': `Student’s t decides, since sign flips of ${units} units cannot go below p = ${formatP(smallestP)} before Holm’s correction`,
    none: 'nothing is tested: they are too few',
  }[test];
  return `${reach}; ${why}`;
}
