// Command-line flags described from the schemas, so that a new option is a flag without another line of code.
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { Plugin } from '../plugins/definePlugin.ts';
import { fieldsOf, innerSchema, type ConfigLayer } from './layers.ts';
import { configSchema } from './schema.ts';

export type FlagType = 'boolean' | 'integer' | 'number' | 'string' | 'choice' | 'list';

/** An option as the command line and `pipeline plugins` show it. */
export interface OptionDescription {
  /** Who reads it: `core` or a plugin's name. */
  readonly owner: string;
  /** Key in its schema: `numClassImages`. */
  readonly name: string;
  /** Where it stands in a config: `['pluginOptions', 'ppl', 'numClassImages']`. */
  readonly path: readonly string[];
  /** Without dashes: `num-class-images`. */
  readonly flag: string;
  readonly type: FlagType;
  /** What a `choice` may be. */
  readonly choices?: readonly string[];
  readonly default?: unknown;
  readonly description: string;
}

/** Options that are no flags: objects, and what the command's own arguments say. */
const NOT_FLAGS: readonly string[] = ['recipe', 'pluginOptions'];

/** Describes the options of a schema. A flag is the key in kebab-case, or what `.meta({ flag })` says. */
export function optionsFromSchema(schema: z.ZodObject, owner: string): OptionDescription[] {
  return fieldsOf(schema).map(([name, field]) => {
    const inner = innerSchema(field);
    const { type, choices } = typeOf(inner);
    const meta = metaOf(field) ?? metaOf(inner) ?? {};
    const fallback = field instanceof z.ZodDefault ? field.def.defaultValue : undefined;
    return {
      owner,
      name,
      path: owner === 'core' ? [name] : ['pluginOptions', owner, name],
      flag: typeof meta['flag'] === 'string' ? meta['flag'] : kebabCase(name),
      type,
      ...(choices === undefined ? {} : { choices }),
      ...(fallback === undefined ? {} : { default: fallback }),
      description: typeof meta['description'] === 'string' ? meta['description'] : '',
    };
  });
}

/**
 * All flags of a run: core's, then those of the plugins. Where two owners use one name, the plugin's flag carries the
 * plugin's name in front (`--lora-rank`).
 */
export function flagsFromSchema(
  plugins: readonly Pick<Plugin, 'name' | 'optionsSchema'>[] = [],
): OptionDescription[] {
  const flags = optionsFromSchema(configSchema, 'core').filter(({ name }) => !NOT_FLAGS.includes(name));
  const ofPlugins = plugins.flatMap(({ name, optionsSchema }) => optionsFromSchema(optionsSchema, name));
  const uses = new Map<string, number>();
  for (const { flag } of [...flags, ...ofPlugins]) uses.set(flag, (uses.get(flag) ?? 0) + 1);
  const named = ofPlugins.map((option) =>
    (uses.get(option.flag) ?? 0) > 1 ? { ...option, flag: `${option.owner}-${option.flag}` } : option,
  );
  return [...flags, ...named];
}

/** Values of flags as a command line gives them: text, lists of text, and booleans for flags without a value. */
export type FlagValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/**
 * The config layer of flags.
 * @param values by flag name without dashes; `no-x` may also be `x: false`
 * @throws ConfigError listing every value that is not of its option's type
 */
export function flagLayer(values: FlagValues, flags: readonly OptionDescription[]): ConfigLayer {
  const layer: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const option of flags) {
    const given = values[option.flag];
    if (given === undefined) continue;
    const value = parseFlag(given, option);
    if (value === undefined)
      problems.push(`--${option.flag}: expected ${describeType(option)}, got ${JSON.stringify(given)}`);
    else setPath(layer, option.path, value);
  }
  if (problems.length > 0)
    throw new ConfigError('flags that cannot be read', {
      code: 'usage/bad-value',
      where: 'flags',
      details: problems,
    });
  return { name: 'flags', values: layer };
}

/** Reads a flag's text as its option's type; undefined when it is not of that type. Ranges are the schema's business. */
function parseFlag(
  given: string | boolean | readonly string[],
  { type, choices }: OptionDescription,
): unknown {
  switch (type) {
    case 'boolean':
      if (typeof given === 'boolean') return given;
      return given === 'true' ? true : given === 'false' ? false : undefined;
    case 'integer':
    case 'number': {
      const value = typeof given === 'string' && given.trim() !== '' ? Number(given) : Number.NaN;
      return Number.isFinite(value) && (type === 'number' || Number.isInteger(value)) ? value : undefined;
    }
    case 'choice':
      return typeof given === 'string' && choices?.includes(given) ? given : undefined;
    case 'list':
      return typeof given === 'boolean' ? undefined : typeof given === 'string' ? [given] : given;
    case 'string':
      if (typeof given === 'object') return given.length === 1 ? given[0] : given;
      return typeof given === 'string' ? given : undefined;
  }
}

function describeType({ type, choices }: OptionDescription): string {
  switch (type) {
    case 'choice':
      return `one of ${choices?.join(', ')}`;
    case 'integer':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    default:
      return `a ${type}`;
  }
}

function typeOf(schema: z.core.$ZodType): { type: FlagType; choices?: string[] } {
  if (schema instanceof z.ZodBoolean) return { type: 'boolean' };
  if (schema instanceof z.ZodNumber)
    return { type: schema.format === 'safeint' || schema.format === 'int32' ? 'integer' : 'number' };
  if (schema instanceof z.ZodEnum) return { type: 'choice', choices: schema.options.map(String) };
  if (schema instanceof z.ZodArray) return { type: 'list' };
  return { type: 'string' };
}

function metaOf(schema: z.core.$ZodType): Record<string, unknown> | undefined {
  return z.globalRegistry.get(schema);
}

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = (target[key] ??= {}) as Record<string, unknown>;
  setPath(inner, rest, value);
}
