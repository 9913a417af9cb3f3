// What each factor does on average, and what two do together beyond that: over the settings of all other factors in
// which every level was run. Subjects are the blocks; fewer than five are strata, and their seeds the blocks.
import { stableJson } from '@likeness/core';
import type { FactorValue } from '../cellResult.ts';
import type { Interval } from '../statistics/bootstrap.ts';
import { FEWEST_DEGREES, FEWEST_SUBJECTS } from '../statistics/comparison.ts';
import { interactionEffects, marginalEffects, type Observation } from '../statistics/factorial.ts';
import { adjustP } from '../statistics/multiplicity.ts';
import { stratifiedTest } from '../statistics/strata.ts';
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
  /** Student's t over blocks, within strata where there are some; NaN with too few of them. */
  readonly interval: Interval;
}

export interface MainEffect {
  readonly factor: string;
  readonly levels: readonly LevelEffect[];
  /** How many settings of the other factors it is averaged over. */
  readonly settings: number;
  readonly subjects: number;
  /** Absent with too few blocks. */
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

/** Effects of one metric; a factor, or pair, that was never fully crossed is left out. */
export function factorialEffects(metric: string, groups: readonly Group[]): FactorialEffects {
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
      levels: levelEffects(crossing),
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

/** One score for each block in each combination of levels. */
interface Crossing {
  readonly levels: readonly (readonly FactorValue[])[];
  readonly observations: readonly (Observation & Block)[];
  readonly settings: number;
}

/** A subject, or one seed of a subject that is a stratum. */
interface Block {
  readonly block: string;
  readonly subject: string;
  readonly seed?: number;
}

/** Subjects where there are enough of them, else their seeds: those that all subjects have. */
function blocksOf(groups: readonly Group[]): Block[] {
  const cells = groups.flatMap((group) => group.cells);
  const subjects = [...new Set(cells.map(({ subject }) => subject))];
  const seeds = [...new Set(cells.map(({ seed }) => seed))];
  const areStrata =
    subjects.length < FEWEST_SUBJECTS && subjects.length * (seeds.length - 1) >= FEWEST_DEGREES;
  if (!areStrata) return subjects.map((subject) => ({ block: subject, subject }));
  return subjects.flatMap((subject) =>
    seeds.map((seed) => ({ block: JSON.stringify([subject, seed]), subject, seed })),
  );
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
  const observed = blocksOf(present).flatMap((block) => {
    const scores = settings.flatMap((members) =>
      members.map((group) => ({
        levels: factors.map((factor, at) => levels[at]?.indexOf(valueOf(group, factor)) ?? 0),
        y: mean(scoresOf(group, metric, block.subject, block.seed)),
      })),
    );
    // Averaged over settings; a block with a hole would lean towards what it has.
    if (scores.length === 0 || scores.some(({ y }) => !Number.isFinite(y))) return [];
    return groupBy(
      scores,
      scores.map((score) => score.levels.join()),
    ).map((members) => ({
      ...block,
      levels: members[0]?.levels ?? [],
      y: mean(members.map(({ y }) => y)),
    }));
  });
  const observations = balanced(observed);
  return observations.length === 0 ? undefined : { levels, observations, settings: settings.length };
}

/** Strata of one size: seeds that every subject has whole. */
function balanced(observed: Crossing['observations']): Crossing['observations'] {
  const subjects = new Set(observed.map(({ subject }) => subject)).size;
  const havingSeed = (wanted: number | undefined): number =>
    new Set(observed.filter(({ seed }) => seed === wanted).map(({ subject }) => subject)).size;
  return observed.filter(({ seed }) => seed === undefined || havingSeed(seed) === subjects);
}

function levelEffects({ levels, observations }: Crossing): LevelEffect[] {
  const blocks = groupBy(
    observations,
    observations.map(({ block }) => block),
  );
  const isStratified = observations.some(({ seed }) => seed !== undefined);
  return (levels[0] ?? []).map((level, index) => {
    const ofBlocks = blocks.map(
      (own) => (own.find((one) => one.levels[0] === index)?.y ?? Number.NaN) - mean(own.map(({ y }) => y)),
    );
    const strata = isStratified
      ? groupBy(
          ofBlocks,
          blocks.map(([first]) => first?.subject ?? ''),
        )
      : [ofBlocks];
    const { estimate, degrees, interval } = stratifiedTest(strata);
    return {
      level,
      mean: mean(observations.filter((one) => one.levels[0] === index).map(({ y }) => y)),
      effect: estimate,
      interval: degrees >= FEWEST_DEGREES ? interval : NONE,
    };
  });
}

const NONE: Interval = [Number.NaN, Number.NaN];

function testOf(
  { observations }: Crossing,
  term: readonly number[],
): Omit<EffectTest, 'adjustedP'> | undefined {
  const blocks = new Set(observations.map(({ block }) => block)).size;
  const isStratified = observations.some(({ seed }) => seed !== undefined);
  const strata = isStratified ? new Set(observations.map(({ subject }) => subject)).size : 1;
  if (blocks - strata < FEWEST_DEGREES) return undefined;
  const measures = observations.map(({ block, subject, levels, y }) => ({
    subject: block,
    ...(isStratified ? { stratum: subject } : {}),
    levels,
    y,
  }));
  const row = withinSubjectsAnova(measures).find((one) => one.term.join() === term.join());
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
