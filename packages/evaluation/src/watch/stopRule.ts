// When training may end early: conditions on what a look at the samples measures, any of which is enough.
//   dino>=dinoOfReferences, drift>0.1
import { ConfigError, didYouMean } from '@likeness/core';

/** What a look at the samples measures. */
export const WATCHED = ['dino', 'dinoOfReferences', 'memorised', 'drift'] as const;
type Watched = (typeof WATCHED)[number];

type Operand = Watched | number;

interface Condition {
  readonly left: Watched;
  readonly operator: keyof typeof OPERATORS;
  readonly right: Operand;
}

/** Conditions, any of which ends training. */
export type StopRule = readonly Condition[];

const OPERATORS = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
} as const;
const CONDITION = /^([A-Za-z]+)\s*(>=|<=|>|<)\s*(\S+)$/;

/** @throws ConfigError for what is no condition, or a measure nobody takes */
export function parseStopRule(text: string): StopRule {
  return text.split(',').map((part): Condition => {
    const [, left = '', operator = '', right = ''] = CONDITION.exec(part.trim()) ?? [];
    const number = Number(right);
    const measured = WATCHED.find((name) => name === left);
    const other = WATCHED.find((name) => name === right);
    if (measured !== undefined && operator in OPERATORS && (other !== undefined || Number.isFinite(number))) {
      return { left: measured, operator: operator as Condition['operator'], right: other ?? number };
    }
    throw new ConfigError('no condition to end training at', {
      code: 'watch/bad-condition',
      where: 'earlyStop',
      expected: `a measure of ${WATCHED.join(', ')}, then > >= < or <=, then a number or another of them; several with commas`,
      got: `${part.trim()}${measured === undefined ? didYouMean(left, WATCHED) : ''}`,
    });
  });
}

/** The first condition that holds, in words; a measure that was not taken never holds. */
export function holds(rule: StopRule, measures: Readonly<Record<string, number>>): string | undefined {
  for (const { left, operator, right } of rule) {
    const a = measures[left];
    const b = typeof right === 'number' ? right : measures[right];
    if (a === undefined || b === undefined || !OPERATORS[operator](a, b)) continue;
    const against = typeof right === 'number' ? String(right) : `${right} ${b.toFixed(4)}`;
    return `${left} ${a.toFixed(4)} ${operator} ${against}`;
  }
  return undefined;
}
