// An axis: a name, its values, and where it applies. How values are written down, in a file and on the command line.
import { ConfigError } from '@likeness/core';
import type { FactorValue } from '../cellResult.ts';
import type { AxisInput, Assignment, Condition } from './question.ts';

export interface Axis {
  readonly name: string;
  readonly values: readonly FactorValue[];
  /** Of paired axes: what each value sets, all at once. */
  readonly sets?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Combinations it takes part in; everywhere else it is null. */
  readonly when?: Condition;
}

/** The axis that chooses recipes. */
export const METHOD = 'method';

/** Values of ranges are rounded to what one would have typed. */
const RANGE_DIGITS = 12;
const LOG_DIGITS = 3;

/** @throws ConfigError for a range that holds nothing */
export function axisOf(name: string, input: AxisInput): Axis {
  if (Array.isArray(input)) return { name, values: distinct(name, input) };
  const { values, range, log, paired, when } = input;
  const base = when === undefined ? {} : { when };
  if (paired !== undefined) return { name, values: Object.keys(paired), sets: paired, ...base };
  if (range !== undefined) return { name, values: linear(name, range), ...base };
  if (log !== undefined) return { name, values: logarithmic(log), ...base };
  return { name, values: distinct(name, values ?? []), ...base };
}

/**
 * An axis as the command line says it: `rank=2,4,8`, `rank=2..8..2` (from, to, step), `learningRate=1e-6..1e-4*5`
 * (from, to, how many, evenly in the logarithm), `rank=2,4@method=lora` (only there).
 * @throws ConfigError
 */
export function parseAxis(text: string): [string, AxisInput] {
  const [, name, said, condition] = /^([\w.-]+)=([^@]+)(?:@(.+))?$/.exec(text) ?? [];
  if (name === undefined || said === undefined) {
    throw new ConfigError('no axis', {
      code: 'ablation/bad-axis',
      where: `--axis ${text}`,
      expected:
        'NAME=VALUE,VALUE, NAME=FROM..TO..STEP or NAME=FROM..TO*COUNT, and @NAME=VALUE for where it applies',
    });
  }
  const when = condition === undefined ? {} : { when: parseAssignment(condition, `--axis ${text}`) };
  const log = /^(.+)\.\.(.+)\*(\d+)$/.exec(said);
  if (log)
    return [name, { log: { from: Number(log[1]), to: Number(log[2]), count: Number(log[3]) }, ...when }];
  const range = /^([^.].*?)\.\.(.+?)(?:\.\.(.+))?$/.exec(said);
  if (range) {
    const [from, to, step] = [range[1], range[2], range[3] ?? '1'].map(Number);
    if ([from, to, step].every((value) => Number.isFinite(value)))
      return [name, { range: { from: from ?? 0, to: to ?? 0, step: step ?? 1 }, ...when }];
  }
  return [name, { values: said.split(',').map(parseValue), ...when }];
}

/** `method=lora,rank=4`. @throws ConfigError */
export function parseAssignment(text: string, where: string): Assignment {
  const entries = text.split(',').map((part) => /^([\w.-]+)=(.+)$/.exec(part.trim()));
  if (entries.includes(null))
    throw new ConfigError('not of the form NAME=VALUE,NAME=VALUE', {
      code: 'ablation/bad-axis',
      where,
      got: text,
    });
  return Object.fromEntries(entries.map((entry) => [entry?.[1] ?? '', parseValue(entry?.[2] ?? '')]));
}

/** A word as JSON says it, or as it stands. */
export function parseValue(text: string): string | number | boolean | null {
  const word = text.trim();
  if (word === 'true' || word === 'false') return word === 'true';
  if (word === 'null') return null;
  return word !== '' && Number.isFinite(Number(word)) ? Number(word) : word;
}

/** Whether a combination is one of those a condition means. A method is also met by the name of one of its plugins. */
export function meets(factors: Readonly<Record<string, FactorValue>>, condition: Condition): boolean {
  return Object.entries(condition).every(([name, wanted]) => {
    const value = factors[name] ?? null;
    const choices = Array.isArray(wanted) ? wanted : [wanted];
    return choices.some(
      (choice) => choice === value || (name === METHOD && String(value).split('+').includes(String(choice))),
    );
  });
}

function linear(name: string, { from, to, step }: { from: number; to: number; step: number }): number[] {
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (count < 1) {
    throw new ConfigError('a range without values', {
      code: 'ablation/bad-axis',
      where: `axis ${name}`,
      expected: '`to` not below `from`',
      got: `from ${from} to ${to}`,
    });
  }
  return Array.from({ length: count }, (_, i) => Number((from + i * step).toPrecision(RANGE_DIGITS)));
}

function logarithmic({ from, to, count }: { from: number; to: number; count: number }): number[] {
  return Array.from({ length: count }, (_, i) =>
    Number((from * (to / from) ** (i / (count - 1))).toPrecision(LOG_DIGITS)),
  );
}

function distinct(name: string, values: readonly FactorValue[]): readonly FactorValue[] {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined)
    throw new ConfigError('a value stands twice', {
      code: 'ablation/bad-axis',
      where: `axis ${name}`,
      got: String(twice),
    });
  return values;
}
