// A question as a file states it: settings everything has in common, axes along which cells differ, a design that says
// which of their combinations run. Several studies may stand in one file; they share their cells.
import { loadConfigFile, ConfigError, problemsOf, didYouMean, type ConfigLayer } from '@likeness/core';
import { z } from 'zod';

const factorValue = z.union([z.string().min(1), z.number(), z.boolean(), z.null()]);
const assignment = z.record(z.string(), factorValue);
const condition = z.record(z.string(), z.union([factorValue, z.array(factorValue).min(1)]));
const values = z.array(factorValue).min(1);

/** Exactly one of these says what the values of an axis are. */
const axisFields = z.strictObject({
  values: values.optional(),
  range: z.strictObject({ from: z.number(), to: z.number(), step: z.number().positive() }).optional(),
  log: z
    .strictObject({ from: z.number().positive(), to: z.number().positive(), count: z.int().min(2) })
    .optional(),
  paired: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  when: condition.optional(),
});

const studyFields = {
  question: z.string().min(1).optional().meta({ description: 'what is asked, for the report' }),
  settings: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'settings of every cell, as in a config file' }),
  subjects: z.array(z.string().min(1)).min(1).optional().meta({ description: 'example subjects' }),
  seeds: z
    .union([z.int().positive(), z.array(z.int().nonnegative()).min(1)])
    .optional()
    .meta({ description: 'how many seeds, or which' }),
  axes: z
    .record(z.string(), z.union([values, axisFields]))
    .optional()
    .meta({ description: 'what varies' }),
  include: z.array(assignment).optional().meta({ description: 'further combinations' }),
  exclude: z.array(condition).optional().meta({ description: 'combinations to leave out' }),
  design: z
    .union([
      z.enum(['full', 'one-factor']),
      z.strictObject({
        fractional: z.union([
          z.strictObject({ generators: z.array(z.string().min(1)).min(1) }),
          z.strictObject({ halvings: z.int().positive() }),
        ]),
      }),
    ])
    .optional()
    .meta({ description: 'which combinations run' }),
  baseline: assignment.optional().meta({ description: 'what others are compared with' }),
  equal: z
    .enum(['steps', 'time', 'parameters', 'none'])
    .optional()
    .meta({ description: 'what cells have an equal budget of' }),
  words: z
    .strictObject({
      common: z.string().min(1).optional(),
      wrong: z.record(z.string(), z.string().min(1)).optional(),
    })
    .optional()
    .meta({ description: 'the common word and the wrong class nouns' }),
  evaluation: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'settings of the evaluation' }),
  metrics: z.array(z.string().min(1)).min(1).optional().meta({ description: 'metrics of the report' }),
  published: z
    .array(
      z.strictObject({
        source: z.string().min(1),
        where: assignment,
        measures: z.record(z.string(), z.number()),
      }),
    )
    .optional()
    .meta({ description: 'numbers others have published, to stand beside ours' }),
};

const studySchema = z.strictObject(studyFields);

export const questionSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.+-]+$/, 'a name of letters, digits, . + - _')
    .optional()
    .meta({ description: 'names the folder' }),
  ...studyFields,
  studies: z
    .record(z.string().regex(/^[\w+-]+$/), z.record(z.string(), z.unknown()))
    .optional()
    .meta({ description: 'questions that share settings and cells' }),
});

/** What a file may hold. */
export type QuestionInput = z.input<typeof questionSchema>;
export type Study = z.output<typeof studySchema>;
export type AxisInput = NonNullable<Study['axes']>[string];
export type Condition = z.output<typeof condition>;
export type Assignment = z.output<typeof assignment>;
export type Design = NonNullable<Study['design']>;

/** A question ready to be expanded: every study with what it shares filled in. */
export interface Question {
  readonly name: string;
  /** By name; one without a name where the file has no `studies`. */
  readonly studies: Readonly<Record<string, Study>>;
}

/** The name of the only study of a question without `studies`. */
export const ONLY_STUDY = '';

/** Types a matrix file: `export default defineMatrix({ … })`. */
export function defineMatrix(question: QuestionInput): QuestionInput {
  return question;
}

/**
 * Reads a matrix from YAML, JSON or TypeScript, as config files are read.
 * @throws ConfigError naming every problem
 */
export async function loadQuestion(path: string): Promise<ConfigLayer> {
  const layer = await loadConfigFile(path);
  if (/\.(json|ya?ml)$/i.test(path)) refuseCode(layer);
  return layer;
}

/** A matrix that is data names no code to run: whoever hands one on would run it on another's machine. */
function refuseCode({ name, values: given }: ConfigLayer): void {
  const studies = isMap(given['studies']) ? Object.entries(given['studies']) : [];
  const details = [['', given] as const, ...studies].flatMap(([study, own]) => {
    const settings = isMap(own) ? own['settings'] : undefined;
    const isNamed = isMap(settings) && settings['plugins'] !== undefined;
    return isNamed ? [`${study === '' ? '' : `studies.${study}.`}settings.plugins`] : [];
  });
  if (details.length === 0) return;
  throw new ConfigError('a matrix in YAML or JSON names no plugins to load', {
    code: 'ablation/not-for-data',
    where: name,
    details,
    hint: 'write it as TypeScript (export default defineMatrix({ … })), or install the plugin: recipes find it by its name',
  });
}

/**
 * Checks what a file and the command line say, and puts them together: later layers win key by key, axes one by one.
 * @throws ConfigError listing all problems, unknown keys with the nearest known one
 */
export function resolveQuestion(layers: readonly ConfigLayer[], fallbackName: string): Question {
  const problems = layers.flatMap((layer) => problemsOf(questionSchema, layer));
  for (const layer of layers) problems.push(...problemsOfStudies(layer), ...problemsOfAxes(layer));
  if (problems.length > 0) throw problem(problems);
  const merged = mergeStudies(layers.map(({ values: given }) => questionSchema.parse(given)));
  const { name = fallbackName, studies, ...common } = merged;
  if (studies === undefined) return { name, studies: { [ONLY_STUDY]: common } };
  const resolved = Object.entries(studies).map(([key, own]) => {
    return [key, mergeStudies([common, studySchema.parse(own)])] as const;
  });
  return { name, studies: Object.fromEntries(resolved) };
}

/** Maps are joined, everything else is replaced. */
function mergeStudies<T extends object>(parts: readonly T[]): T {
  const joined: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [key, value] of Object.entries(part)) {
      const before = joined[key];
      joined[key] = isMap(before) && isMap(value) ? joinedMap(key, before, value) : value;
    }
  }
  return joined as T;
}

function joinedMap(key: string, before: Map, value: Map): Map {
  if (key === 'design') return value;
  // What is laid over a study is joined with it as studies are with what they share.
  const isDeep = key === 'studies' || key === 'pluginOptions';
  const entries = Object.entries(value).map(([name, inner]) => {
    const old = before[name];
    if (!isMap(old) || !isMap(inner)) return [name, inner];
    return [name, isDeep || name === 'pluginOptions' ? mergeStudies([old, inner]) : inner];
  });
  return { ...before, ...(Object.fromEntries(entries) as Map) };
}

function problemsOfStudies({ name, values: given }: ConfigLayer): string[] {
  const studies = given['studies'];
  if (!isMap(studies)) return [];
  return Object.entries(studies).flatMap(([key, study]) => {
    if (!isMap(study)) return [`${name}: studies.${key}: expected a mapping`];
    const layer = { name, values: study };
    const path = ['studies', key];
    return [...problemsOf(studySchema, layer, path), ...problemsOfAxes(layer, path)];
  });
}

/** An axis is a list or says its values in one way; unions cannot tell which key was wrong, so they are told here. */
function problemsOfAxes({ name, values: given }: ConfigLayer, path: readonly string[] = []): string[] {
  const axes = given['axes'];
  if (!isMap(axes)) return [];
  const ways = ['values', 'range', 'log', 'paired'];
  return Object.entries(axes).flatMap(([key, axis]) => {
    if (!isMap(axis)) return [];
    const where = `${name}: ${[...path, 'axes', key].join('.')}`;
    const known = Object.keys(axisFields.shape);
    const unknown = Object.keys(axis).filter((field) => !known.includes(field));
    const said = ways.filter((way) => way in axis);
    return [
      ...unknown.map((field) => `${where}.${field} is not a part of an axis${didYouMean(field, known)}`),
      ...(said.length === 1
        ? []
        : [`${where}: expected one of ${ways.join(', ')}, got ${said.join(' and ') || 'none'}`]),
    ];
  });
}

function problem(details: readonly string[]): ConfigError {
  return new ConfigError(
    details.length === 1 ? 'this does not work' : `${details.length} things do not work`,
    {
      code: 'ablation/bad-matrix',
      where: 'matrix',
      details: [...new Set(details)],
      hint: 'docs/ablation.md has every key',
    },
  );
}

type Map = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
