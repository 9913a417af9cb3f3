// Which combinations of an experiment's factors run: all, one factor at a time around a baseline, or a fraction.
import { ConfigError, stableJson } from '@likeness/core';
import type { FactorValue } from '../cellResult.ts';
import { meets, type Axis } from './axis.ts';
import { fraction } from './fraction.ts';
import type { Condition, Design } from './question.ts';

/** Axis → value; null where an axis does not apply. */
export type Factors = Readonly<Record<string, FactorValue>>;

export interface Designed {
  /** Without repetitions, in the order of the axes. */
  readonly points: readonly Factors[];
  readonly baseline: Factors;
  /** Of a fraction: effects that cannot be told apart. */
  readonly aliases: readonly string[];
}

export interface DesignOptions {
  readonly axes: readonly Axis[];
  readonly design: Design;
  /** Values of some axes; the others are at their first. */
  readonly baseline?: Factors | undefined;
  readonly include?: readonly Factors[] | undefined;
  readonly exclude?: readonly Condition[] | undefined;
}

/** @throws ConfigError for a baseline that is not there, or a design the axes do not have */
export function designPoints({
  axes,
  design,
  baseline: said = {},
  include = [],
  exclude = [],
}: DesignOptions): Designed {
  refuseStrangers(axes, said);
  const baseline = complete(axes, said);
  const { points, aliases } = pointsOf(axes, design, baseline);
  const all = [...points, ...include.map((more) => ({ ...complete(axes, more, baseline), ...more }))];
  const kept = all.filter((point) => !exclude.some((condition) => meets(point, condition)));
  return { points: unique(kept), baseline, aliases };
}

/**
 * What a report compares groups with, each with its own values of all other axes: what was said; else the first value of
 * the first axis; and of axes that hang on it, what it has: a rank, or none. One factor at a time moves away from all of it.
 */
export function comparedWith({
  study: { baseline: said, design },
  axes,
  baseline,
}: {
  readonly study: { readonly baseline?: Factors | undefined; readonly design?: Design | undefined };
  readonly axes: readonly Axis[];
  readonly baseline: Factors;
}): Factors {
  if (design === 'one-factor') return baseline;
  const wanted = said === undefined ? axes.slice(0, 1).map(({ name }) => name) : Object.keys(said);
  const hangsOn = ({ when = {} }: Axis): boolean => Object.keys(when).some((name) => wanted.includes(name));
  const named = axes.filter((axis) => wanted.includes(axis.name) || hangsOn(axis));
  return Object.fromEntries(named.map(({ name }) => [name, baseline[name] ?? null]));
}

/** Values for all axes: what is said, then what the base has, then the first; null where an axis does not apply. */
export function complete(axes: readonly Axis[], said: Factors, base: Factors = {}): Factors {
  const factors: Record<string, FactorValue> = {};
  for (const { name, values, when } of axes) {
    const applies = when === undefined || meets({ ...said, ...factors }, when);
    const wanted = said[name] ?? base[name] ?? values[0] ?? null;
    factors[name] = applies ? wanted : null;
  }
  return factors;
}

function pointsOf(
  axes: readonly Axis[],
  design: Design,
  baseline: Factors,
): { points: readonly Factors[]; aliases: readonly string[] } {
  if (design === 'full') return { points: product(axes), aliases: [] };
  if (design === 'one-factor') return { points: oneFactor(axes, baseline), aliases: [] };
  return fraction(axes, design.fractional);
}

function product(axes: readonly Axis[]): Factors[] {
  let points: Factors[] = [{}];
  for (const { name, values, when } of axes) {
    points = points.flatMap((point) =>
      when === undefined || meets(point, when)
        ? values.map((value) => ({ ...point, [name]: value }))
        : [{ ...point, [name]: null }],
    );
  }
  return points;
}

/** The baseline, and each value of each axis with the others as in the baseline, or where the axis applies at all. */
function oneFactor(axes: readonly Axis[], baseline: Factors): Factors[] {
  const points = [baseline];
  for (const { name, values, when } of axes) {
    const around =
      when === undefined || meets(baseline, when) ? baseline : nearestWhere(axes, baseline, when);
    for (const value of values)
      points.push(complete(axes, { ...withoutNull(around), [name]: value }, around));
  }
  return points;
}

/** The baseline moved as little as needed to a place where a condition holds. */
function nearestWhere(axes: readonly Axis[], baseline: Factors, when: Condition): Factors {
  const moved: Record<string, FactorValue> = { ...baseline };
  for (const [name, wanted] of Object.entries(when)) {
    if (meets(moved, { [name]: wanted })) continue;
    const axis = axes.find((candidate) => candidate.name === name);
    const value = axis?.values.find((candidate) => meets({ [name]: candidate }, { [name]: wanted }));
    if (value !== undefined) moved[name] = value;
  }
  return complete(axes, withoutNull(moved), baseline);
}

function refuseStrangers(axes: readonly Axis[], said: Factors): void {
  const details = Object.entries(said).flatMap(([name, value]) => {
    const axis = axes.find((candidate) => candidate.name === name);
    if (axis === undefined)
      return [`${name} is no axis; there are ${axes.map((one) => one.name).join(', ')}`];
    return axis.values.includes(value)
      ? []
      : [`${name}: expected one of ${axis.values.join(', ')}, got ${value}`];
  });
  if (details.length > 0)
    throw new ConfigError('the baseline is not one of the combinations', {
      code: 'ablation/bad-baseline',
      where: 'baseline',
      details,
    });
}

const withoutNull = (factors: Factors): Factors =>
  Object.fromEntries(Object.entries(factors).filter(([, value]) => value !== null));

function unique(points: readonly Factors[]): Factors[] {
  return [...new Map(points.map((point) => [stableJson(point), point])).values()];
}
