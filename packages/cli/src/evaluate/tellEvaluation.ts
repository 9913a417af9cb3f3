// Measures as a table: a row a metric, a column a run.
import { basename } from 'node:path';
import type { Evaluation, Metric } from '@likeness/evaluation';
import { METRICS } from '@likeness/evaluation';
import { displayPath, formatBytes, truncate } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

export interface Evaluated {
  /** As it was typed. */
  readonly name: string;
  readonly evaluation: Evaluation;
}

const ARROWS = { higher: '↑', lower: '↓', neither: '' } as const;
const NAME_WIDTH = 24;

/** @param metrics beside ours */
export function tellEvaluations(
  evaluated: readonly Evaluated[],
  metrics: readonly Metric[],
  terminal: Terminal,
): void {
  const all = [...METRICS, ...metrics];
  const names = all
    .map(({ name }) => name)
    .filter((name) => evaluated.some((one) => name in one.evaluation.measures));
  const columns = [
    { title: '' },
    ...evaluated.map(({ name }) => ({
      title: truncate(basename(name), NAME_WIDTH),
      align: 'right' as const,
    })),
    { title: '' },
  ];
  const rows = names.map((name) => {
    const metric = all.find((known) => known.name === name);
    return [
      `${name} ${ARROWS[metric?.better ?? 'neither']}`.trim(),
      ...evaluated.map(({ evaluation }) => shown(name, evaluation.measures[name])),
      metric?.description ?? '',
    ];
  });
  terminal.out(
    table(columns, rows, (text, column, isHead) =>
      isHead ? colours.bold(text) : column === columns.length - 1 ? colours.dim(text) : text,
    ),
  );
  for (const line of judgesAndGaps(evaluated)) terminal.out(colours.dim(line));
  for (const { evaluation } of evaluated) {
    terminal.out(`sheet    ${colours.bold(displayPath(`${evaluation.folder}/sheet.png`))}`);
  }
  for (const { evaluation } of evaluated)
    terminal.out(`records  ${displayPath(`${evaluation.folder}/records.jsonl`)}`);
}

function judgesAndGaps(evaluated: readonly Evaluated[]): string[] {
  const judges = evaluated.flatMap(({ evaluation }) =>
    Object.entries(evaluation.evidence.judges).map(
      ([role, { name, fingerprint }]) => `${role}: ${name} (${fingerprint.slice(0, 8)})`,
    ),
  );
  const gaps = evaluated.flatMap(({ evaluation }) =>
    Object.entries(evaluation.measured.leftOut).map(([name, reason]) => `${name}: ${reason}`),
  );
  return [
    `judges   ${[...new Set(judges)].join(', ') || 'none'}`,
    ...(gaps.length > 0 ? [`left out ${[...new Set(gaps)].join('; ')}`] : []),
  ];
}

function shown(name: string, value: number | undefined): string {
  if (value === undefined) return '–';
  if (name === 'exportBytes') return formatBytes(value);
  return Number.isInteger(value) && Math.abs(value) > 1 ? value.toLocaleString('en-US') : value.toFixed(4);
}
