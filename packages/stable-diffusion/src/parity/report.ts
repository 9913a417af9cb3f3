// How `npm run parity` looks: one aligned line a tensor, a summary at the end. Pure text.
import type { Comparison } from './comparison.ts';

export interface Style {
  readonly colour: boolean;
}

const paint = (code: number, text: string, { colour }: Style): string =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;
const RED = 31;
const GREEN = 32;
const YELLOW = 33;
const DIM = 2;
const BOLD = 1;

const NAME_WIDTH = 66;
const NUMBER_WIDTH = 9;
const TOLERANCE_WIDTH = 24;

export const isNotCovered = ({ tolerance }: Comparison): boolean => tolerance === 'not covered';

/** The columns' names, above every check. */
export function checkHeading(title: string, style: Style): string {
  const columns = [
    title.padEnd(NAME_WIDTH),
    'max abs'.padStart(NUMBER_WIDTH),
    'max rel'.padStart(NUMBER_WIDTH),
  ];
  return paint(BOLD, `${columns.join('  ')}  tolerance`, style);
}

/** One compared tensor. */
export function comparisonLine(comparison: Comparison, style: Style): string {
  const { name, maxAbs, maxRel, tolerance, ok, note } = comparison;
  const label = `  ${shorten(name, NAME_WIDTH - 2)}`.padEnd(NAME_WIDTH);
  if (isNotCovered(comparison)) return paint(YELLOW, `${label}  not covered: ${note ?? ''}`, style);
  const verdict = ok ? paint(GREEN, 'ok', style) : paint(RED, 'EXCEEDED', style);
  const numbers = [maxAbs, maxRel].map((value) => short(value).padStart(NUMBER_WIDTH)).join('  ');
  const remark = note === undefined ? '' : paint(DIM, `  ${note}`, style);
  return `${label}  ${numbers}  ${tolerance.padEnd(TOLERANCE_WIDTH)}  ${verdict}${remark}`;
}

/** What is left out, with the reason. */
export function notCoveredLine(what: string, style: Style): string {
  return paint(YELLOW, `  not covered: ${what}`, style);
}

/** Totals over all comparisons. */
export function summary(comparisons: readonly Comparison[], notBuilt: number, style: Style): string {
  const compared = comparisons.filter((comparison) => !isNotCovered(comparison));
  const failed = compared.filter(({ ok }) => !ok);
  const leftOut = comparisons.length - compared.length + notBuilt;
  const rest = leftOut === 0 ? '' : `, ${leftOut} not covered`;
  return failed.length === 0
    ? paint(GREEN, `${compared.length} compared, all within tolerance${rest}`, style)
    : paint(
        RED,
        `${compared.length} compared, ${failed.length} out of tolerance, first: ${failed[0]?.name ?? ''}${rest}`,
        style,
      );
}

function short(value: number): string {
  if (Number.isNaN(value)) return '-';
  return value === 0 ? '0' : value.toExponential(1);
}

/** Keeps the end of a long path: it says what the tensor is. */
function shorten(name: string, width: number): string {
  return name.length <= width ? name : `…${name.slice(name.length - width + 1)}`;
}
