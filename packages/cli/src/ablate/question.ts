// From what was typed to a question: a file, or axes on the command line, or both.
import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import {
  loadQuestion,
  parseAssignment,
  parseAxis,
  resolveQuestion,
  withSetting,
  type Question,
} from '@likeness/ablation';
import { ConfigError, type ConfigLayer } from '@likeness/core';
import { shippedMatrices } from './shippedMatrices.ts';

export interface QuestionFlags {
  readonly axis?: readonly string[];
  readonly set?: readonly string[];
  readonly evaluation?: readonly string[];
  readonly seeds?: string;
  readonly subjects?: string;
  readonly design?: string;
  readonly baseline?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly equal?: string;
  readonly threads?: number;
  readonly fast?: boolean;
}

/** @throws ConfigError with all that cannot be read */
export async function readQuestion(file: string | undefined, flags: QuestionFlags): Promise<Question> {
  const layers: ConfigLayer[] = [];
  const shipped = Object.entries(shippedMatrices).find(([name]) => name === file)?.[1];
  if (shipped !== undefined && !isFile(file)) {
    layers.push(await loadQuestion(shipped.path));
    if (flags.fast) layers.push(await loadQuestion(shipped.fast));
  } else if (flags.fast) {
    throw new ConfigError('only matrices that come along have a fast variant', {
      code: 'usage/flag-without-effect',
      where: '--fast',
      expected: `pipeline ablate ${Object.keys(shippedMatrices).join(' or ')}`,
    });
  } else if (file !== undefined) layers.push(await loadQuestion(file));
  const typed = typedLayer(flags);
  if (Object.keys(typed.values).length > 0) layers.push(typed);
  if (layers.length === 0) {
    throw new ConfigError('there is no question', {
      code: 'ablation/no-question',
      where: 'pipeline ablate',
      expected: `a file, one of ${Object.keys(shippedMatrices).join(', ')}, or --axis NAME=VALUE,VALUE`,
      hint: 'pipeline ablate --help has examples',
    });
  }
  const name =
    file !== undefined
      ? basename(file, extname(file))
      : Object.keys((typed.values['axes'] ?? { cells: 0 }) as object).join('-');
  return resolveQuestion(layers, `${name}${flags.fast ? '-fast' : ''}`);
}

/** A file of one's own comes before a matrix of its name; a folder does not: `--output-dir paper` makes one. */
function isFile(path = ''): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function typedLayer(flags: QuestionFlags): ConfigLayer {
  const axes = Object.fromEntries((flags.axis ?? []).map(parseAxis));
  const settings = (flags.set ?? []).reduce<Record<string, unknown>>(addSetting, {});
  if (flags.threads !== undefined) settings['threads'] = flags.threads;
  const values = {
    ...(flags.axis === undefined ? {} : { axes }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...(flags.evaluation === undefined
      ? {}
      : { evaluation: flags.evaluation.reduce<Record<string, unknown>>(addNested, {}) }),
    ...(flags.seeds === undefined ? {} : { seeds: seedsOf(flags.seeds) }),
    ...(flags.subjects === undefined ? {} : { subjects: flags.subjects.split(',') }),
    ...(flags.design === undefined ? {} : { design: designOf(flags.design) }),
    ...(flags.baseline === undefined ? {} : { baseline: parseAssignment(flags.baseline, '--baseline') }),
    ...(flags.include === undefined
      ? {}
      : { include: flags.include.map((text) => parseAssignment(text, '--include')) }),
    ...(flags.exclude === undefined
      ? {}
      : { exclude: flags.exclude.map((text) => parseAssignment(text, '--exclude')) }),
    ...(flags.equal === undefined ? {} : { equal: flags.equal }),
  };
  return { name: 'flags', values };
}

/** `5` seeds, or the seeds `0,3,7`. */
function seedsOf(text: string): number | readonly number[] {
  const numbers = text.split(',').map(Number);
  return numbers.length === 1 ? (numbers[0] ?? 0) : numbers;
}

/** `full`, `one-factor`, `fractional` (half of the cells), `fractional:2` (a quarter). */
function designOf(text: string): unknown {
  const fractional = /^fractional(?::(\d+))?$/.exec(text);
  return fractional ? { fractional: { halvings: Number(fractional[1] ?? 1) } } : text;
}

/** `maxTrainSteps=200`, `ppl.numClassImages=48`. */
function addSetting(settings: Record<string, unknown>, text: string): Record<string, unknown> {
  const [key = '', value] = oneAssignment(text, '--set');
  return withSetting(settings, key.includes('.') ? ['pluginOptions', ...key.split('.')] : [key], value);
}

/** `imagesPerPrompt=2`, `judges.dino=dino-vits16`. */
function addNested(settings: Record<string, unknown>, text: string): Record<string, unknown> {
  const [key = '', value] = oneAssignment(text, '--evaluation');
  return withSetting(settings, key.split('.'), value);
}

function oneAssignment(text: string, flag: string): [string?, unknown?] {
  return Object.entries(parseAssignment(text, `${flag} ${text}`))[0] ?? [];
}
