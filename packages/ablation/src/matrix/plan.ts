// From the places of a question to the cells that run: equal settings are one cell, whatever place asks for them, and
// what cannot run is told with the reason a run would give.
import { LikenessError, type Warning } from '@likeness/core';
import type { CellWork, PreparedCell } from '../cells/cellWork.ts';
import { failureOf } from '../cells/failure.ts';
import type { ExpandedStudy, Point } from './expand.ts';

export interface PlannedCell extends PreparedCell {
  /** Where its result stands, in one study or several. */
  readonly points: readonly Point[];
}

export interface InvalidPoint {
  readonly point: Point;
  readonly reason: string;
}

/** What cells have in common and is made once. */
export interface SharedThing {
  readonly kind: string;
  /** How many cells use one of the kind. */
  readonly uses: number;
  /** How many different ones there are. */
  readonly things: number;
}

export interface Plan {
  readonly studies: readonly ExpandedStudy[];
  readonly cells: readonly PlannedCell[];
  readonly invalid: readonly InvalidPoint[];
  readonly shared: readonly SharedThing[];
  readonly warnings: readonly Warning[];
}

/** @param onProgress told after each place */
export async function planCells(
  studies: readonly ExpandedStudy[],
  work: Pick<CellWork, 'prepare'>,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<Plan> {
  const cells = new Map<string, PreparedCell & { points: Point[] }>();
  const invalid: InvalidPoint[] = [];
  const warnings = new Map<string, Warning>();
  const all = studies.flatMap(({ points }) => points);
  for (const [index, point] of all.entries()) {
    const prepared = await prepare(point, work);
    if ('reason' in prepared) invalid.push({ point, reason: prepared.reason });
    else {
      const known = cells.get(prepared.id);
      if (known) known.points.push(point);
      else cells.set(prepared.id, { ...prepared, points: [point] });
      for (const warning of prepared.warnings)
        if (!isAsked(warning, point)) warnings.set(warning.text, warning);
    }
    onProgress(index + 1, all.length);
  }
  return {
    studies,
    cells: [...cells.values()],
    invalid,
    shared: sharedBy([...cells.values()]),
    warnings: [...warnings.values()],
  };
}

/** An axis of identifiers asks what a common word does: that it is one is no news. */
const isAsked = ({ code }: Warning, { factors }: Point): boolean =>
  ABOUT_IDENTIFIERS.has(code) && 'identifier' in factors;

const ABOUT_IDENTIFIERS: ReadonlySet<string> = new Set([
  'prompt/identifier-is-noun',
  'prompt/identifier-in-pieces',
  'prompt/common-identifier',
]);

async function prepare(
  { values, evaluation, reference, refusal }: Point,
  work: Pick<CellWork, 'prepare'>,
): Promise<PreparedCell | { reason: string }> {
  if (values === undefined) return { reason: refusal ?? 'it has no settings' };
  try {
    return await work.prepare({ values, evaluation, reference });
  } catch (error) {
    // What is no matter of settings is a bug, and told as one.
    if (!(error instanceof LikenessError)) throw error;
    return { reason: failureOf(error).reason };
  }
}

function sharedBy(cells: readonly PreparedCell[]): SharedThing[] {
  const kinds = [...new Set(cells.flatMap(({ uses }) => Object.keys(uses)))];
  return kinds.map((kind) => {
    const used = cells.flatMap(({ uses }) => uses[kind] ?? []);
    return { kind, uses: used.length, things: new Set(used).size };
  });
}
