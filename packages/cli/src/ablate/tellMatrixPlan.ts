// What `ablate --dry-run` shows: the cells, what cannot run and why, what is shared, and how long it will take.
import { describePoint, type ExpandedStudy, type Plan, type Point } from '@likeness/ablation';
import { warningLine } from '../progress/reporters.ts';
import { count, formatBytes, formatSeconds, truncate } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';
import type { MatrixEstimate } from './estimateMatrix.ts';

export interface PlanFacts {
  readonly plan: Plan;
  readonly folder: string;
  readonly workers: number;
  /** Cells whose results are there already, by id. */
  readonly present: ReadonlySet<string>;
  readonly estimate: MatrixEstimate | undefined;
}

/** Combinations shown of a study; `--json` has all. */
const SHOWN_ROWS = 60;

export function tellMatrixPlan(facts: PlanFacts, terminal: Terminal): void {
  const { plan, folder, present } = facts;
  const { out, err } = terminal;
  for (const warning of plan.warnings) err(warningLine(warning));
  for (const study of plan.studies) tellStudy(study, facts, terminal);
  const { cells, invalid } = plan;
  out(
    colours.bold(
      `${count(cells.length, 'cell')}${present.size === 0 ? '' : `, ${present.size} of them there already`}`,
    ) + (invalid.length === 0 ? '' : colours.red(`, ${count(invalid.length, 'place')} cannot run`)),
  );
  const asked = plan.studies.reduce((sum, { points }) => sum + points.length, 0) - invalid.length;
  if (asked > cells.length) out(`${asked} places ask for them: equal settings are one cell`);
  tellInvalid(plan, terminal);
  for (const { kind, uses, things } of plan.shared) out(`shared   ${things} ${kind} for ${uses} uses`);
  if (facts.estimate) tellEstimate(facts.estimate, facts, terminal);
  out(`folder   ${folder}`);
}

function tellStudy(
  { name, study, axes, points, baseline, aliases }: ExpandedStudy,
  { plan, present }: PlanFacts,
  { out }: Terminal,
): void {
  if (name !== '') out(colours.bold(name));
  if (study.question !== undefined) out(study.question);
  const names = axes.map((axis) => axis.name);
  const combinations = new Map<string, Point[]>();
  for (const point of points) {
    const key = JSON.stringify(point.factors);
    combinations.set(key, [...(combinations.get(key) ?? []), point]);
  }
  const idOf = new Map(
    plan.cells.flatMap(({ id, points: places }) => places.map((point) => [point, id] as const)),
  );
  const rows = [...combinations.values()].map((places) => {
    const [first] = places;
    const ids = places.flatMap((point) => idOf.get(point) ?? []);
    const there = ids.filter((id) => present.has(id)).length;
    const isBaseline = JSON.stringify(first?.factors) === JSON.stringify(baseline);
    return [
      ...names.map((axis) => String(first?.factors[axis] ?? '–')),
      ids.length === places.length ? String(ids.length) : `${ids.length} of ${places.length}`,
      there === 0 ? '' : `${there} there`,
      isBaseline ? 'baseline' : '',
    ];
  });
  const columns = [...names, 'cells', '', ''].map((title, i) => ({
    title,
    ...(i === names.length ? { align: 'right' as const } : {}),
  }));
  out(
    table(columns, rows.slice(0, SHOWN_ROWS), (text, _column, isHead) => (isHead ? colours.dim(text) : text)),
  );
  if (rows.length > SHOWN_ROWS) out(colours.dim(`… ${rows.length - SHOWN_ROWS} more`));
  const subjects = [...new Set(points.map(({ subject }) => subject))];
  const seeds = [...new Set(points.map(({ seed }) => seed))];
  out(colours.dim(`subjects ${subjects.join(', ')}; seeds ${seeds.join(', ')}`));
  for (const alias of aliases) out(colours.dim(`cannot be told apart: ${alias}`));
  out('');
}

/** Equal reasons once, with how many places have them and the first. */
function tellInvalid({ invalid }: Plan, { out }: Terminal): void {
  const byReason = new Map<string, Point[]>();
  for (const { point, reason } of invalid) byReason.set(reason, [...(byReason.get(reason) ?? []), point]);
  for (const [reason, places] of byReason) {
    const [first] = places;
    const more = places.length === 1 ? '' : ` and ${places.length - 1} more`;
    out(`${colours.red('cannot run')}  ${first === undefined ? '' : describePoint(first)}${more}`);
    out(`            ${reason}`);
  }
}

function tellEstimate(estimate: MatrixEstimate, { workers }: PlanFacts, { out }: Terminal): void {
  const { seconds, workSeconds, sharedSeconds, separateSeconds, measured, measuredRecipe } = estimate;
  if (workSeconds === 0) {
    out('time     nothing is left to do but the report');
    return;
  }
  const by =
    measured === undefined
      ? 'from this machine’s speed; it may be half or double'
      : `a step of ${measuredRecipe ?? ''} was measured: ${formatSeconds(measured.secondsPerStep)}`;
  out(`time     ${colours.bold(formatSeconds(seconds))} with ${count(workers, 'worker')} (${by})`);
  out(
    `         ${formatSeconds(workSeconds)} of work, ${formatSeconds(sharedSeconds)} of it shared; as separate runs ${formatSeconds(separateSeconds)}`,
  );
  out(`memory   ${formatBytes(estimate.peakMemoryBytes)} a worker`);
}

/** A line for each cell, for `--json`. */
export function planLines({ plan, present, estimate, folder }: PlanFacts): string[] {
  return [
    ...plan.cells.map(({ id, points, request }) =>
      JSON.stringify({
        type: 'cell',
        id,
        isThere: present.has(id),
        places: points.map(({ study, factors, subject, seed }) => ({ study, factors, subject, seed })),
        settings: request.values,
        seconds: estimate?.cellSeconds.get(id),
      }),
    ),
    ...plan.invalid.map(({ point: { study, factors, subject, seed }, reason }) =>
      JSON.stringify({ type: 'invalid', study, factors, subject, seed, reason: truncate(reason, 2000) }),
    ),
    ...plan.shared.map((thing) => JSON.stringify({ type: 'shared', ...thing })),
    JSON.stringify({
      type: 'plan',
      folder,
      cells: plan.cells.length,
      invalid: plan.invalid.length,
      seconds: estimate?.seconds,
    }),
  ];
}
