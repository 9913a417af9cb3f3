// Regular two-level fractions (Box, Hunter & Hunter, "Statistics for Experimenters", chapter 6): k axes of two values in
// 2^(k-p) cells. A generator makes one axis the product of others; which effects coincide then is told.
import { ConfigError } from '@likeness/core';
import type { FactorValue } from '../cellResult.ts';
import type { Axis } from './axis.ts';
import type { Factors } from './design.ts';

export type FractionSize =
  | { readonly generators: readonly string[] }
  /** 1: half of the cells, 2: a quarter. */
  | { readonly halvings: number };

export interface Fraction {
  readonly points: readonly Factors[];
  /** `a×b = c×d`: main effects and interactions of two that cannot be told apart. */
  readonly aliases: readonly string[];
  /** Length of the shortest word of the defining relation. */
  readonly resolution: number;
}

/** A set of axes as bits; products of factors at ±1 are symmetric differences. */
type Word = number;

/** Below this, main effects coincide with each other. */
const LEAST_RESOLUTION = 3;

/** @throws ConfigError for axes without two values each, conditions, or a fraction in which main effects coincide */
export function fraction(axes: readonly Axis[], size: FractionSize): Fraction {
  refuseOtherShapes(axes);
  const names = axes.map(({ name }) => name);
  const generators =
    'generators' in size ? size.generators.map((text) => parse(text, names)) : choose(names, size.halvings);
  refuseChains(generators, names);
  const defining = span(generators.map(({ target, word }) => word ^ (1 << target)));
  const resolution = Math.min(...defining.map(weight));
  if (resolution < LEAST_RESOLUTION) {
    throw new ConfigError('main effects would coincide', {
      code: 'ablation/bad-fraction',
      where: 'design.fractional',
      expected: `a fraction of resolution ${LEAST_RESOLUTION} or more`,
      got: `resolution ${resolution}: ${defining
        .filter((word) => weight(word) === resolution)
        .map((word) => text(word, names))
        .join(', ')} is constant`,
    });
  }
  const made = new Map(generators.map(({ target, word }) => [target, word]));
  const free = names.map((_, i) => i).filter((i) => !made.has(i));
  const points = Array.from({ length: 2 ** free.length }, (_, run) => {
    const isHigh: boolean[] = [];
    // The first axis changes slowest, as in a full factorial.
    free.forEach((axis, place) => (isHigh[axis] = ((run >> (free.length - 1 - place)) & 1) === 1));
    for (const [target, word] of made) {
      const lows = free.filter((axis) => (word >> axis) & 1 && isHigh[axis] !== true).length;
      isHigh[target] = lows % 2 === 0;
    }
    return Object.fromEntries(
      axes.map(({ name, values }, i): [string, FactorValue] => [
        name,
        values[isHigh[i] === true ? 1 : 0] ?? null,
      ]),
    );
  });
  return { points, aliases: aliasesOf(names, defining), resolution };
}

/** Generators of the highest resolution; of equal ones, the first. */
function choose(names: readonly string[], halvings: number): { target: number; word: Word }[] {
  const free = names.length - halvings;
  if (free < 2) {
    throw new ConfigError('too small a fraction', {
      code: 'ablation/bad-fraction',
      where: 'design.fractional.halvings',
      expected: `at most ${names.length - 2} for ${names.length} axes`,
      got: String(halvings),
    });
  }
  const words = Array.from({ length: 2 ** free }, (_, word) => word).filter((word) => weight(word) > 1);
  let best: Word[] = [];
  let bestResolution = 0;
  const search = (chosen: readonly Word[]): void => {
    if (chosen.length === halvings) {
      const resolution = Math.min(...span(chosen.map((word, i) => word ^ (1 << (free + i)))).map(weight));
      if (resolution > bestResolution) [best, bestResolution] = [[...chosen], resolution];
      return;
    }
    for (const word of words) if (word > (chosen.at(-1) ?? 0)) search([...chosen, word]);
  };
  search([]);
  if (best.length === 0) {
    throw new ConfigError('too small a fraction', {
      code: 'ablation/bad-fraction',
      where: 'design.fractional.halvings',
      got: `${halvings} halvings of ${names.length} axes: there are not so many products of the ${free} free ones`,
    });
  }
  return best.map((word, i) => ({ target: free + i, word }));
}

/** `d = a*b*c`: the last axis is the product of others. */
function parse(generator: string, names: readonly string[]): { target: number; word: Word } {
  const [left = '', right = ''] = generator.split('=').map((side) => side.trim());
  const factors = right.split('*').map((name) => name.trim());
  const unknown = [left, ...factors].filter((name) => !names.includes(name));
  if (unknown.length > 0 || factors.includes(left) || factors.length < 2) {
    throw new ConfigError('no generator', {
      code: 'ablation/bad-fraction',
      where: `design.fractional.generators: ${generator}`,
      expected: `AXIS = AXIS*AXIS with axes of ${names.join(', ')}`,
      ...(unknown.length > 0 ? { got: `unknown: ${unknown.join(', ')}` } : {}),
    });
  }
  const word = factors.reduce((bits, name) => bits ^ (1 << names.indexOf(name)), 0);
  return { target: names.indexOf(left), word };
}

/** The product must be one of axes that no generator makes. */
function refuseChains(generators: readonly { target: number; word: Word }[], names: readonly string[]): void {
  const targets = generators.reduce((bits, { target }) => bits | (1 << target), 0);
  const chained = generators.filter(({ word }) => (word & targets) !== 0);
  if (chained.length > 0 || new Set(generators.map(({ target }) => target)).size < generators.length) {
    throw new ConfigError('a generator uses an axis that another one makes', {
      code: 'ablation/bad-fraction',
      where: 'design.fractional.generators',
      got: generators.map(({ target, word }) => `${names[target] ?? ''} = ${text(word, names)}`).join(', '),
    });
  }
}

/** All products of some words, without the empty one. */
function span(words: readonly Word[]): Word[] {
  let all: Word[] = [0];
  for (const word of words) all = [...all, ...all.map((other) => other ^ word)];
  return all.slice(1);
}

function aliasesOf(names: readonly string[], defining: readonly Word[]): string[] {
  const isShort = (word: Word): boolean => weight(word) <= 2 && word !== 0;
  const effects = Array.from({ length: 2 ** names.length }, (_, word) => word).filter(isShort);
  const lines: string[] = [];
  const told = new Set<Word>();
  for (const effect of effects.sort((a, b) => weight(a) - weight(b) || a - b)) {
    if (told.has(effect)) continue;
    const same = defining.map((word) => word ^ effect).filter(isShort);
    for (const word of [effect, ...same]) told.add(word);
    if (same.length > 0) lines.push([effect, ...same].map((word) => text(word, names)).join(' = '));
  }
  return lines;
}

function refuseOtherShapes(axes: readonly Axis[]): void {
  const details = axes.flatMap(({ name, values, when }) => [
    ...(values.length === 2 ? [] : [`${name} has ${values.length} values: ${values.join(', ')}`]),
    ...(when === undefined ? [] : [`${name} applies only somewhere: a fraction needs every axis everywhere`]),
  ]);
  if (axes.length < 3) details.push(`there are ${axes.length} axes; a fraction needs three or more`);
  if (details.length === 0) return;
  throw new ConfigError('only axes with two values each have a regular fraction', {
    code: 'ablation/bad-fraction',
    where: 'design.fractional',
    details,
    hint: 'take two values of each axis, or the design full or one-factor',
  });
}

const weight = (word: Word): number => [...word.toString(2)].filter((bit) => bit === '1').length;

const text = (word: Word, names: readonly string[]): string =>
  names.filter((_, i) => (word >> i) & 1).join('×');
