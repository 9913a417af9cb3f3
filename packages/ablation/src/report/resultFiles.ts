// The report as data: results.json with everything, results.csv with a line a cell.
import type { CellResult, FactorValue } from '../cellResult.ts';
import type { Report } from './analysis.ts';

/** Says that a file is ours, and how it is laid out. */
export const RESULTS_FORMAT = 'likeness-results-1';

/**
 * Everything, and enough to make the report again.
 * Numbers to 12 significant digits: the last bits are the machine's. What is no number becomes null.
 * @param samplesRoot folder of the samples, from that of the file
 */
export function resultsJson(report: Report, samplesRoot: string): string {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value !== 'number' ? value : Number.isFinite(value) ? Number(value.toPrecision(12)) : null;
  const { cells, ...analysed } = report;
  const text = JSON.stringify({ format: RESULTS_FORMAT, samplesRoot, ...analysed }, rounded, 1);
  // Cells as they are, so that a report made from this file is the same to the last bit.
  return `${text.slice(0, -2)},\n "cells": ${JSON.stringify(cells)}\n}\n`;
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

/** A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers. */
export function csvField(value: FactorValue | undefined): string {
  const said = value === undefined || value === null ? '' : String(value);
  const text = typeof value === 'string' && /^\s*[=+\-@]|^[\t\r\n]/.test(said) ? `'${said}` : said;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
