// What cells have an equal budget of. Methods have their own usual numbers of steps and sizes; a comparison at an equal
// budget sets them so that steps, seconds or trained numbers are those of the baseline.
import { ConfigError, LikenessError, stableJson, type OptionDescription } from '@likeness/core';
import { METHOD } from './axis.ts';
import type { Factors } from './design.ts';
import type { ExpandedStudy, Point } from './expand.ts';
import { settingPath, withSetting } from './settingOf.ts';

type Values = Readonly<Record<string, unknown>>;

/** What budgets are made of, asked of whoever can run cells. */
export interface Costs {
  /** @throws LikenessError for settings that cannot run */
  stepsOf(values: Values): Promise<number>;
  /** Measured, and remembered: part of a cell's settings follows from it. */
  secondsPerStepOf(values: Values): Promise<number>;
  trainedParametersOf(values: Values): Promise<number>;
  optionsOf(values: Values): Promise<readonly OptionDescription[]>;
}

const STEPS = 'maxTrainSteps';
/** The option that sizes adapters. */
const RANK = 'rank';
const LARGEST_RANK = 1024;
/** As near as a method that cannot be sized has to come. */
const PARAMETERS_TOLERANCE = 0.01;

/**
 * Gives every place of a study its budget. Default: steps.
 * @throws ConfigError when an axis varies what the budget decides
 */
export async function withBudget(study: ExpandedStudy, costs: Costs): Promise<ExpandedStudy> {
  const equal = study.study.equal ?? 'steps';
  if (equal === 'none') return study;
  const decided = equal === 'parameters' ? RANK : STEPS;
  const varied = study.axes.filter(({ name, sets = {} }) =>
    [name, ...Object.values(sets).flatMap((set) => Object.keys(set))].some(
      (key) => key === decided || key.endsWith(`.${decided}`),
    ),
  );
  if (varied.length > 0) {
    // Steps that are varied on purpose are equal wherever they are not.
    if (study.study.equal === undefined || equal === 'steps') return study;
    throw new ConfigError(`a budget of ${equal} decides ${decided}`, {
      code: 'ablation/bad-budget',
      where: 'equal',
      got: `${varied.map(({ name }) => name).join(', ')} varies it`,
    });
  }
  const baseline = study.points.find((point) => stableJson(point.factors) === stableJson(study.baseline));
  if (baseline?.values === undefined) {
    throw new ConfigError('a budget needs a baseline that runs', {
      code: 'ablation/bad-budget',
      where: 'equal',
      ...(baseline?.refusal === undefined ? {} : { got: baseline.refusal }),
    });
  }
  const adjust = await adjuster(equal, baseline.values, costs);
  const memo = new Map<string, Promise<Adjusted | undefined>>();
  const points: Point[] = [];
  // One after the other: measurements must not disturb each other.
  for (const point of study.points) points.push(await adjusted(point));
  return { ...study, points };

  async function adjusted(point: Point): Promise<Point> {
    const { values } = point;
    if (values === undefined) return point;
    const key = stableJson(shapeOf(point.factors, values));
    const found = memo.get(key) ?? adjust(values).catch(unlessBug);
    memo.set(key, found);
    const change = await found;
    // Settings that cannot run are told with their own reason when the cell is prepared.
    if (change === undefined) return point;
    if ('refusal' in change) return { ...point, values: undefined, refusal: change.refusal };
    return { ...point, values: withSetting(values, change.path, change.value) };
  }
}

type Adjusted = { readonly path: readonly string[]; readonly value: number } | { readonly refusal: string };

async function adjuster(
  equal: 'steps' | 'time' | 'parameters',
  baseline: Values,
  costs: Costs,
): Promise<(values: Values) => Promise<Adjusted>> {
  if (equal === 'parameters') {
    const target = await costs.trainedParametersOf(baseline);
    return (values) => rankFor(target, values, costs);
  }
  const steps = await costs.stepsOf(baseline);
  if (equal === 'steps') return async () => ({ path: [STEPS], value: steps });
  const seconds = steps * (await costs.secondsPerStepOf(baseline));
  return async (values) => ({
    path: [STEPS],
    value: Math.max(1, Math.round(seconds / (await costs.secondsPerStepOf(values)))),
  });
}

/** The rank whose number of trained numbers is nearest: they grow evenly with it until layers are full. */
async function rankFor(target: number, values: Values, costs: Costs): Promise<Adjusted> {
  const path = settingPath(RANK, await costs.optionsOf(values));
  const own = await costs.trainedParametersOf(values);
  if (path === undefined) {
    if (Math.abs(own - target) <= PARAMETERS_TOLERANCE * target)
      return { path: [STEPS], value: await costs.stepsOf(values) };
    return {
      refusal: `it trains ${own.toLocaleString('en')} numbers and has no rank that would change that; the baseline trains ${target.toLocaleString('en')}`,
    };
  }
  const at = (rank: number): Promise<number> => costs.trainedParametersOf(withSetting(values, path, rank));
  let [low, high] = [1, 1];
  while ((await at(high)) < target && high < LARGEST_RANK) [low, high] = [high, high * 2];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if ((await at(middle)) < target) low = middle;
    else high = middle;
  }
  const [below, above] = [await at(low), await at(high)];
  return { path, value: Math.abs(below - target) <= Math.abs(above - target) ? low : high };
}

/** Subject and seed change no cost. */
function shapeOf(factors: Factors, values: Values): unknown {
  const { seed: _seed, subject: _subject, instanceDataDir: _pictures, classNoun: _noun, ...kept } = values;
  return [factors[METHOD] ?? null, kept];
}

function unlessBug(error: unknown): undefined {
  if (!(error instanceof LikenessError)) throw error;
  return undefined;
}
