// What each factor does on average, and what two do together beyond that: over the settings of all other factors in
// which every level was run, subjects as blocks.
import { stableJson } from '@likeness/core';
import type { FactorValue } from '../cellResult.ts';
import { bootstrapIntervals, jackknifed, resampled, type Interval } from '../statistics/bootstrap.ts';
import { clusterRows } from '../statistics/comparison.ts';
import { interactionEffects, marginalEffects, type Observation } from '../statistics/factorial.ts';
import { adjustP } from '../statistics/multiplicity.ts';
import { groupBy, mean } from '../statistics/summary.ts';
import { withinSubjectsAnova } from '../statistics/withinSubjects.ts';
import { scoresOf, varyingFactors, type Factors, type Group } from './groups.ts';

export interface EffectTest {
  readonly f: number;
  readonly degrees: number;
  readonly errorDegrees: number;
  readonly p: number;
  /** Holm's, over all effects of the metric. */
  readonly adjustedP: number;
  readonly partialEta2: number;
}

export interface LevelEffect {
  readonly level: FactorValue;
  readonly mean: number;
  /** Level minus mean of all levels. */
  readonly effect: number;
  /** Cluster bootstrap over subjects; NaN for one subject. */
  readonly interval: Interval;
}

export interface MainEffect {
  readonly factor: string;
  readonly levels: readonly LevelEffect[];
  /** How many settings of the other factors it is averaged over. */
  readonly settings: number;
  readonly subjects: number;
  /** Absent for a single subject. */
  readonly test?: EffectTest;
}

export interface Interaction {
  readonly factors: readonly [string, string];
  readonly levels: readonly [readonly FactorValue[], readonly FactorValue[]];
  /** [level of the first][level of the second]: mean, and what is left of it beyond both main effects. */
  readonly means: readonly (readonly number[])[];
  readonly effects: readonly (readonly number[])[];
  readonly settings: number;
  readonly subjects: number;
  readonly test?: EffectTest;
}

export interface FactorialEffects {
  readonly main: readonly MainEffect[];
  readonly interactions: readonly Interaction[];
}

interface Resampling {
  readonly seed: number;
  readonly resamples: number;
}

/** Effects of one metric; a factor, or pair, that was never fully crossed is left out. */
export function factorialEffects(
  metric: string,
  groups: readonly Group[],
  resampling: Resampling,
): FactorialEffects {
  const factors = varyingFactors(groups.map((group) => group.factors));
  const main = factors.flatMap((factor) => {
    const crossing = cross(metric, groups, [factor]);
    return crossing === undefined ? [] : [{ factor, crossing }];
  });
  const pairs = factors.flatMap((first, index) =>
    factors.slice(index + 1).flatMap((second) => {
      const crossing = cross(metric, groups, [first, second]);
      return crossing === undefined ? [] : [{ factors: [first, second] as const, crossing }];
    }),
  );
  const tests = adjusted([
    ...main.map(({ crossing }) => testOf(crossing, [0])),
    ...pairs.map(({ crossing }) => testOf(crossing, [0, 1])),
  ]);
  return {
    main: main.map(({ factor, crossing }, index) => ({
      factor,
      levels: levelEffects(crossing, resampling),
      ...sizes(crossing),
      ...withTest(tests[index]),
    })),
    interactions: pairs.map(({ factors: [first, second], crossing }, index) => {
      const { levels, observations } = crossing;
      const { cells } = marginalEffects(observations);
      const [rows = [], columns = []] = levels;
      return {
        factors: [first, second],
        levels: [rows, columns],
        means: rows.map((_, row) =>
          columns.map((__, column) => {
            const cell = cells.find((one) => one.levels[0] === row && one.levels[1] === column);
            return cell?.mean ?? Number.NaN;
          }),
        ),
        effects: interactionEffects(observations, 0, 1),
        ...sizes(crossing),
        ...withTest(tests[main.length + index]),
      };
    }),
  };
}

/** One score for each subject in each combination of levels. */
interface Crossing {
  readonly levels: readonly (readonly FactorValue[])[];
  readonly observations: readonly (Observation & { readonly subject: string })[];
  readonly settings: number;
}

/** @returns undefined unless some setting of the other factors has every combination, for some subject */
function cross(metric: string, groups: readonly Group[], factors: readonly string[]): Crossing | undefined {
  const valueOf = (group: Group, factor: string): FactorValue => group.factors[factor] ?? null;
  const present = groups.filter((group) => factors.every((factor) => valueOf(group, factor) !== null));
  const levels = factors.map((factor) => [...new Set(present.map((group) => valueOf(group, factor)))]);
  if (levels.some((values) => values.length < 2)) return undefined;
  const combinations = levels.reduce((product, values) => product * values.length, 1);
  const settings = groupBy(
    present,
    present.map((group) => stableJson(without(group.factors, factors))),
  ).filter((members) => members.length === combinations);
  const subjects = [...new Set(present.flatMap(({ cells }) => cells.map(({ subject }) => subject)))];
  const observations = subjects.flatMap((subject) => {
    const scores = settings.flatMap((members) =>
      members.map((group) => ({
        levels: factors.map((factor, at) => levels[at]?.indexOf(valueOf(group, factor)) ?? 0),
        y: mean(scoresOf(group, metric, subject)),
      })),
    );
    // Averaged over settings; a subject with a hole would lean towards what it has.
    if (scores.length === 0 || scores.some(({ y }) => !Number.isFinite(y))) return [];
    return groupBy(
      scores,
      scores.map((score) => score.levels.join()),
    ).map((members) => ({
      subject,
      levels: members[0]?.levels ?? [],
      y: mean(members.map(({ y }) => y)),
    }));
  });
  return observations.length === 0 ? undefined : { levels, observations, settings: settings.length };
}

function levelEffects({ levels, observations }: Crossing, resampling: Resampling): LevelEffect[] {
  const bySubject = groupBy(
    observations,
    observations.map(({ subject }) => subject),
  );
  const rows = bySubject.length > 1 ? clusterRows(bySubject.length, resampling) : [];
  return (levels[0] ?? []).map((level, index) => {
    const ofSubjects = bySubject.map(
      (own) => (own.find((one) => one.levels[0] === index)?.y ?? Number.NaN) - mean(own.map(({ y }) => y)),
    );
    const scores = observations.filter((one) => one.levels[0] === index).map(({ y }) => y);
    const estimate = mean(ofSubjects);
    const { bca, percentile } =
      rows.length === 0
        ? { bca: NONE, percentile: NONE }
        : bootstrapIntervals(estimate, resampled(ofSubjects, rows, mean), jackknifed(ofSubjects, mean));
    return {
      level,
      mean: mean(scores),
      effect: estimate,
      interval: bca.some(Number.isNaN) ? percentile : bca,
    };
  });
}

const NONE: Interval = [Number.NaN, Number.NaN];

function testOf(
  { observations }: Crossing,
  term: readonly number[],
): Omit<EffectTest, 'adjustedP'> | undefined {
  if (new Set(observations.map(({ subject }) => subject)).size < 2) return undefined;
  const row = withinSubjectsAnova(observations).find((one) => one.term.join() === term.join());
  if (row === undefined || Number.isNaN(row.f)) return undefined;
  const { f, degrees, errorDegrees, p, partialEta2 } = row;
  return { f, degrees, errorDegrees, p, partialEta2 };
}

function adjusted(tests: readonly (Omit<EffectTest, 'adjustedP'> | undefined)[]): (EffectTest | undefined)[] {
  const there = tests.filter((test) => test !== undefined);
  const p = adjustP(there.map((test) => test.p));
  return tests.map((test) =>
    test === undefined ? undefined : { ...test, adjustedP: p[there.indexOf(test)] ?? Number.NaN },
  );
}

function withTest(test: EffectTest | undefined): { test?: EffectTest } {
  return test === undefined ? {} : { test };
}

function sizes({ observations, settings }: Crossing): { settings: number; subjects: number } {
  return { settings, subjects: new Set(observations.map(({ subject }) => subject)).size };
}

function without(factors: Factors, names: readonly string[]): Factors {
  return Object.fromEntries(
    Object.entries(factors).filter(([name, value]) => !names.includes(name) && value !== null),
  );
}
