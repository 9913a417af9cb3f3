// Equal budgets: steps, seconds or trained numbers of the baseline, for every cell, or the reason why not.
import { ConfigError, type OptionDescription } from '@likeness/core';
import { describe, expect, it } from 'vitest';
import { withBudget, type Costs } from './budget.ts';
import type { ExpandedStudy, Point } from './expand.ts';
import type { Axis } from './axis.ts';
import type { Study } from './question.ts';

type Values = Readonly<Record<string, unknown>>;
const rankOf = (values: Values): number =>
  (values['pluginOptions'] as { lora?: { rank?: number } } | undefined)?.lora?.rank ?? 4;
const measured: unknown[] = [];
/** `full` trains 1000 numbers in 2 s a step, `lora` 7 and 100 a rank in 0.5 s; usual are 200 and 300 steps. */
const costs: Costs = {
  stepsOf: async ({ recipe }) => (recipe === 'full' ? 200 : 300),
  secondsPerStepOf: async (values) => {
    measured.push(values['recipe']);
    if (values['recipe'] === 'broken') throw new ConfigError('no');
    return values['recipe'] === 'full' ? 2 : 0.5;
  },
  trainedParametersOf: async (values) => (values['recipe'] === 'full' ? 1000 : 7 + 100 * rankOf(values)),
  optionsOf: async ({ recipe }) =>
    recipe === 'lora'
      ? [
          {
            owner: 'lora',
            name: 'rank',
            path: ['pluginOptions', 'lora', 'rank'],
            flag: 'rank',
            type: 'integer',
            description: '',
          } satisfies OptionDescription,
        ]
      : [],
};

const study = (
  recipes: readonly string[],
  equal: Study['equal'],
  more: readonly Axis[] = [],
): ExpandedStudy => ({
  name: '',
  study: { equal },
  axes: [{ name: 'method', values: recipes }, ...more],
  baseline: { method: recipes[0] ?? null },
  aliases: [],
  points: recipes.flatMap((recipe) =>
    [0, 1].map((seed): Point => ({
      study: '',
      factors: { method: recipe },
      subject: 'robot',
      seed,
      values: { recipe, seed, subject: 'robot' },
      evaluation: {},
      reference: [],
    })),
  ),
});
const stepsIn = ({ points }: ExpandedStudy) => points.map(({ values }) => values?.['maxTrainSteps']);

describe('an equal budget', () => {
  it('of steps is the default, and is that of the baseline', async () => {
    expect(stepsIn(await withBudget(study(['full', 'lora'], undefined), costs))).toEqual([
      200, 200, 200, 200,
    ]);
    expect(stepsIn(await withBudget(study(['full', 'lora'], 'none'), costs))).toEqual(
      Array(4).fill(undefined),
    );
    const steps = [{ name: 'maxTrainSteps', values: [5, 10] }];
    expect(stepsIn(await withBudget(study(['full', 'lora'], undefined, steps), costs))).toEqual(
      Array(4).fill(undefined),
    );
  });

  it('of time divides the baseline’s seconds by each method’s, measured once', async () => {
    measured.length = 0;
    const { points } = await withBudget(study(['full', 'lora', 'broken'], 'time'), costs);
    expect(points.map(({ values }) => values?.['maxTrainSteps'])).toEqual([
      200,
      200,
      800,
      800,
      undefined,
      undefined,
    ]);
    expect(measured).toEqual(['full', 'full', 'lora', 'broken']);
    const steps = [{ name: 'long', values: ['a'], sets: { a: { maxTrainSteps: 5 } } }];
    await expect(withBudget(study(['full'], 'time', steps), costs)).rejects.toThrow('long varies it');
  });

  it('of parameters chooses the nearest rank, and refuses what has none', async () => {
    const { points } = await withBudget(study(['full', 'lora'], 'parameters'), costs);
    expect(points.slice(2).map(({ values }) => rankOf(values!))).toEqual([10, 10]);
    const other = await withBudget(study(['lora', 'full'], 'parameters'), costs);
    expect(other.points.map(({ refusal }) => refusal)).toEqual([
      undefined,
      undefined,
      'it trains 1,000 numbers and has no rank that would change that; the baseline trains 407',
      'it trains 1,000 numbers and has no rank that would change that; the baseline trains 407',
    ]);
    expect(rankOf(other.points[0]!.values!)).toBe(4);
  });
});
