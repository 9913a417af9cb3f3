// Layers of settings: each is checked by itself, so that a problem is told with the layer it came from.
import { z } from 'zod';
import { didYouMean } from './nearestName.ts';

/** One source of settings, weakest first in a list of them. */
export interface ConfigLayer {
  /** Told in errors: `likeness.config.yaml`, `flags`. */
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** It repeats what a run was made with: nobody has said it now. */
  readonly isRecorded?: boolean;
}

/** What is wrong with a layer, each with where, what was expected, what was got. */
export function problemsOf(
  schema: z.ZodObject,
  layer: ConfigLayer,
  prefix: readonly string[] = [],
): string[] {
  const result = partialWithoutDefaults(schema).safeParse(withoutUndefined(layer.values), {
    reportInput: true,
  });
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => describeIssue(issue, schema, layer.name, prefix));
}

/** The problems of settings put together from several layers; `layerOf` tells where a key came from. */
export function problemsOfMerged(
  error: z.ZodError,
  schema: z.ZodObject,
  layerOf: (key: string) => string,
  prefix: readonly string[] = [],
): string[] {
  return error.issues.flatMap((issue) =>
    describeIssue(issue, schema, layerOf(String(issue.path[0] ?? '')), prefix),
  );
}

/** Later layers win, key by key; `undefined` does not count as set. */
export function mergeLayers(layers: readonly ConfigLayer[]): Record<string, unknown> {
  return Object.assign({}, ...layers.map(({ values }) => withoutUndefined(values))) as Record<
    string,
    unknown
  >;
}

/** Name of the last layer that sets a key. */
export function layerSetting(key: string, layers: readonly ConfigLayer[]): string {
  return layers.findLast(({ values }) => values[key] !== undefined)?.name ?? 'defaults';
}

export function withoutUndefined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** The fields of an object schema. */
export function fieldsOf(schema: z.ZodObject): [string, z.core.$ZodType][] {
  return Object.entries(schema.shape as Readonly<Record<string, z.core.$ZodType>>);
}

/** The schema without its outermost default, optional or nullable. */
export function innerSchema(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return innerSchema(schema.unwrap() as z.core.$ZodType);
  }
  return schema;
}

/** Every key optional and none filled in: zod's own `partial` would still apply the defaults. */
function partialWithoutDefaults(schema: z.ZodObject): z.ZodObject {
  const shape = fieldsOf(schema).map(([key, field]) => [key, z.optional(innerSchema(field))] as const);
  return z.strictObject(Object.fromEntries(shape));
}

function describeIssue(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  layer: string,
  prefix: readonly string[],
): string[] {
  const path = [...prefix, ...issue.path.map(String)].join('.');
  const where = path === '' ? layer : `${layer}: ${path}`;
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 ? Object.keys(schema.shape) : [];
    return issue.keys.map((key) => {
      const full = [...prefix, ...issue.path.map(String), key].join('.');
      return `${layer}: ${full} is not an option${didYouMean(key, known)}`;
    });
  }
  return [`${where}: expected ${expectation(issue)}, got ${show(issue.input)}`];
}

/** What an issue wanted, in words. */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : `a ${issue.expected}`;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
    case 'too_small':
      return `${measure(issue.origin)}${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `${measure(issue.origin)}${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    case 'invalid_union': {
      const branches = issue.errors.flatMap((branch) => branch.slice(0, 1).map(expectation));
      return branches.length > 0 ? [...new Set(branches)].join(' or ') : issue.message;
    }
    default:
      return issue.message;
  }
}

function measure(origin: string): string {
  return origin === 'string' ? 'a length of ' : origin === 'array' ? 'a list of ' : '';
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint')
    return `a ${typeof value}`;
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
