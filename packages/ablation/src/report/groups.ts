// Cells that differ by subject and seed only are a group: one row of a table. Pairs of two groups share both.
import { ConfigError, stableJson } from '@likeness/core';
import type { CellResult, FactorValue } from '../cellResult.ts';
import type { Pair } from '../statistics/comparison.ts';

export type Factors = Readonly<Record<string, FactorValue>>;

export interface Group {
  /** Position in the report; colours and file order follow it. */
  readonly index: number;
  /** What tells it from the others: `lora · rank 4`. */
  readonly label: string;
  readonly factors: Factors;
  readonly cells: readonly CellResult[];
  readonly isBaseline: boolean;
}

/** Groups in the order of their first cells, those that match the baseline first. */
export function groupCells(cells: readonly CellResult[], baseline: Factors): Group[] {
  const byFactors = new Map<string, CellResult[]>();
  for (const cell of cells) {
    const key = stableJson(cell.factors);
    const members = byFactors.get(key);
    if (members === undefined) byFactors.set(key, [cell]);
    else members.push(cell);
  }
  const found = [...byFactors.values()].map((members) => ({
    cells: members,
    factors: members[0]?.factors ?? {},
  }));
  const varying = varyingFactors(found.map(({ factors }) => factors));
  const matches = (factors: Factors): boolean => agrees(baseline, factors);
  if (!found.some(({ factors }) => matches(factors))) {
    throw new ConfigError('the baseline is none of the cells', {
      code: 'ablation/bad-baseline',
      where: 'baseline',
      expected: `one of ${found.map(({ factors }) => labelOf(factors, varying)).join(', ')}`,
      got: labelOf(baseline, Object.keys(baseline)) || 'no factor at all',
      hint: 'name values that the axes have',
    });
  }
  return [
    ...found.filter(({ factors }) => matches(factors)),
    ...found.filter(({ factors }) => !matches(factors)),
  ].map(({ cells: members, factors }, index) => ({
    index,
    label: labelOf(factors, varying),
    factors,
    cells: members,
    isBaseline: matches(factors),
  }));
}

/**
 * What a group is compared with: the baseline with the group's own values of all other factors; where there is none
 * (a rank means nothing to full fine-tuning), the baseline without them.
 */
export function baselineOf(group: Group, groups: readonly Group[], baseline: Factors): Group | undefined {
  if (group.isBaseline) return undefined;
  const candidates = groups.filter(({ isBaseline }) => isBaseline);
  const others = Object.keys(group.factors).filter((name) => !(name in baseline));
  const fits = (other: Group, loosely: boolean): boolean =>
    others.every((name) => {
      const value = other.factors[name] ?? null;
      return value === (group.factors[name] ?? null) || (loosely && value === null);
    });
  return (
    candidates.find((other) => fits(other, false)) ??
    candidates.find((other) => fits(other, true)) ??
    (candidates.length === 1 ? candidates[0] : undefined)
  );
}

/** Scores of one metric with the same subject and seed in both groups. */
export function pairsOf(metric: string, candidate: Group, baseline: Group): Pair[] {
  const scores = new Map(
    baseline.cells.flatMap((cell) => {
      const score = scoreOf(cell, metric);
      return score === undefined ? [] : [[pairKey(cell), score] as const];
    }),
  );
  return candidate.cells.flatMap((cell) => {
    const [own, other] = [scoreOf(cell, metric), scores.get(pairKey(cell))];
    return own === undefined || other === undefined
      ? []
      : [{ subject: cell.subject, seed: cell.seed, candidate: own, baseline: other }];
  });
}

/** Scores of one metric, of one subject or all, of one seed or all. */
export function scoresOf({ cells }: Group, metric: string, subject?: string, seed?: number): number[] {
  return cells.flatMap((cell) => {
    const isMeant =
      (subject === undefined || cell.subject === subject) && (seed === undefined || cell.seed === seed);
    const score = isMeant ? scoreOf(cell, metric) : undefined;
    return score === undefined ? [] : [score];
  });
}

/** A number, or nothing where the cell failed or the metric said nothing. */
export function scoreOf(cell: CellResult, metric: string): number | undefined {
  const score = cell.status === 'done' ? cell.measures[metric] : undefined;
  return score === undefined || !Number.isFinite(score) ? undefined : score;
}

/** Factors with more than one value, in the order they first appear. */
export function varyingFactors(all: readonly Factors[]): string[] {
  const names = [...new Set(all.flatMap((factors) => Object.keys(factors)))];
  return names.filter((name) => new Set(all.map((factors) => factors[name] ?? null)).size > 1);
}

/** `dreambooth+ppl · class noun none · rank 4`: a method needs no name in front. */
function labelOf(factors: Factors, names: readonly string[]): string {
  const parts = names.flatMap((name) => {
    const value = factors[name];
    if (value === undefined || value === null) return [];
    return name === 'method' || name === 'recipe' ? [String(value)] : [`${spaced(name)} ${showValue(value)}`];
  });
  return parts.length > 0 ? parts.join(' · ') : 'all cells';
}

/** `classNoun` → `class noun`. */
export function spaced(name: string): string {
  return name.replace(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
}

export function showValue(value: FactorValue): string {
  return value === null ? 'none' : typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

function agrees(wanted: Factors, factors: Factors): boolean {
  return Object.entries(wanted).every(([name, value]) => (factors[name] ?? null) === value);
}

function pairKey({ subject, seed }: CellResult): string {
  return JSON.stringify([subject, seed]);
}
