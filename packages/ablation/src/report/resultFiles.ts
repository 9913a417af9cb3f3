// The report as data: results.json with everything, results.csv with a line a cell.
import type { CellResult, FactorValue } from '../cellResult.ts';
import type { Report } from './analysis.ts';

/** Numbers to 12 significant digits: the last bits are the machine's. What is no number becomes null. */
export function resultsJson(report: Report): string {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value !== 'number' ? value : Number.isFinite(value) ? Number(value.toPrecision(12)) : null;
  return `${JSON.stringify(report, rounded, 1)}\n`;
}

/** Factors, subject, seed, measures; RFC 4180. */
export function resultsCsv({ cells, metrics, meta }: Report): string {
  const factors = [...new Set(cells.flatMap((cell) => Object.keys(cell.factors)))];
  const measures = metrics.map(({ name }) => name);
  const line = (fields: readonly (FactorValue | undefined)[]): string => fields.map(csvField).join(',');
  const row = (cell: CellResult): string =>
    line([
      cell.id,
      cell.status,
      ...factors.map((name) => cell.factors[name]),
      cell.subject,
      cell.seed,
      ...measures.map((name) => cell.measures[name]),
      cell.reason,
      meta.configHash,
    ]);
  const head = ['cell', 'status', ...factors, 'subject', 'seed', ...measures, 'reason', 'config'];
  return `${[line(head), ...cells.map(row)].join('\r\n')}\r\n`;
}

export function csvField(value: FactorValue | undefined): string {
  const text = value === undefined || value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
