// Reads the config files of a model folder. A field is honoured or refused by name: a value this implementation would
// have to ignore is never accepted silently.
import { WeightsError } from '@likeness/engine';
import { z } from 'zod';

/** What is said of a config that asks for more than Stable Diffusion. */
const HINT = 'use a Stable Diffusion 1.x or 2.x model; every other field of the file is understood';

/**
 * Checks a config file's content against a schema.
 * @param where the file, for the message
 * @throws WeightsError that lists every refused field: what it holds and what is allowed
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  where: string,
  hint = HINT,
): z.output<Schema> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new WeightsError('asks for something this implementation does not have', {
    code: 'model/unsupported-config',
    where,
    details: result.error.issues.flatMap((issue) => describe(issue, json)),
    hint,
  });
}

function describe(issue: z.core.$ZodIssue, json: unknown): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(
      (key) => `${key}: got ${show(valueAt(json, [...issue.path, key]))}, allowed: no such field`,
    );
  }
  const allowed =
    issue.code === 'invalid_value'
      ? issue.values.map(show).join(' or ')
      : issue.code === 'invalid_type'
        ? issue.expected
        : issue.message;
  return [`${issue.path.join('.') || 'file'}: got ${show(valueAt(json, issue.path))}, allowed: ${allowed}`];
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    json,
  );
}

const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** Fields every config file may carry that describe the file, not the network. */
export const bookkeeping = {
  _diffusers_version: z.unknown().optional(),
  _name_or_path: z.unknown().optional(),
  _use_default_values: z.unknown().optional(),
};

/** A field that must hold one value, which is also its default. */
export const only = <const Value extends string | number | boolean | null>(value: Value) =>
  z.literal(value).optional();

/** A whole number above zero, of what a network has many of: channels, tokens. Larger ones would only fill the memory. */
export const count = z.int().positive().max(10_000_000);

/** The same of what it has few of: levels, layers, kernel sizes. */
export const fewCount = z.int().positive().max(64);

/** One value for all levels, or one a level. */
export const perLevel = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.array(schema)]);
