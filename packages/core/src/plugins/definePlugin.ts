// A plugin: a plain object made by a factory. Its options are a strict zod schema; `setup` says what it contributes.
import { z } from 'zod';
import type {
  Attached,
  DiffusionModel,
  InstancePrompts,
  LossTerm,
  PriorRequest,
  SetupContext,
  SubjectPrompts,
  Trainable,
} from '../contracts.ts';
import type { ConfigInput } from '../config/schema.ts';
import type { Provide } from '../di/tokens.ts';
import { PluginError } from '../errors.ts';

/** Version of this copy of core; a test holds it against package.json. */
export const CORE_VERSION = '0.1.0';

/** One object per loaded copy of core: plugins made by another copy carry another one. */
export interface CoreCopy {
  readonly version: string;
  readonly location: string;
}
export const thisCore: CoreCopy = { version: CORE_VERSION, location: import.meta.url };

/** Registered symbol, so that a plugin of a second copy is recognised as a plugin and refused with the reason. */
export const CORE_COPY: unique symbol = Symbol.for('likeness.core') as never;

/** Options that must be known before plugins are set up: no plugin has a default for them. */
export const BEFORE_SETUP = [
  'recipe',
  'plugins',
  'pluginOptions',
  'pretrainedModel',
  'subject',
  'instanceDataDir',
  'instancePrompt',
  'identifier',
  'classNoun',
  'classPrompt',
  'seed',
  'resume',
  'outputDir',
  'cacheDir',
] as const satisfies readonly (keyof ConfigInput)[];

/** Defaults of core's options that suit a method better. Model, file and flags come over them. */
export type PluginDefaults = Readonly<Omit<ConfigInput, (typeof BEFORE_SETUP)[number]>>;

export interface OptimizerSettings {
  readonly name: 'adamw' | 'adam' | 'sgd';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** What a plugin brings to a run. How many there may be of each is checked; see `setUpPlugins`. */
export interface Contributions {
  readonly defaults?: PluginDefaults;
  /** What trains. At least one plugin of a recipe must bring one; several train together. */
  readonly trainable?: (model: DiffusionModel, context: SetupContext) => Trainable | Promise<Trainable>;
  /**
   * False when only prompts of the subject reach what trains (the vector of a new word): prior preservation has nothing
   * to preserve then, and is refused beside methods of this kind alone.
   */
  readonly classPromptReaches?: boolean;
  /**
   * True when weights of the model itself train, not only adapters over it: what needs the frozen model beside the
   * trained one is refused then, before anything starts.
   */
  readonly trainsBaseWeights?: boolean;
  /** How the method calls the subject, in place of the prompts made of identifier and class noun. */
  readonly prompts?: Partial<SubjectPrompts>;
  /** Words the method adds to the vocabulary, and of how many tokens each is: prompts are measured with them. */
  readonly newWords?: Readonly<Record<string, number>>;
  /** Replaces caption or instance prompt as the prompt of a picture. At most one plugin does. */
  readonly instancePrompts?: InstancePrompts;
  /** Further loss terms; names are unique in a run. */
  readonly lossTerms?: readonly LossTerm[];
  /** Replaces core's mean squared error on the instance pictures. At most one plugin does. */
  readonly denoisingLoss?: LossTerm;
  /** Class pictures to make before training, or the frozen model's word on the class. At most one plugin asks. */
  readonly prior?: PriorRequest;
  /** Replaces the optimizer the config describes. At most one plugin does. */
  readonly optimizer?: OptimizerSettings;
  /** Services of the plugin's own in the run's container. */
  readonly bindings?: (provide: Provide) => void;
}

/** Names of plugins this one cannot work with, each with the reason where there is one to tell. */
export type Conflicts = readonly string[] | Readonly<Record<string, string>>;

export interface PluginDefinition<Schema extends z.ZodObject> {
  /** Lower case with dashes: what recipes say. */
  readonly name: string;
  readonly version?: string;
  /** One line for `pipeline plugins`. */
  readonly description: string;
  readonly conflicts?: Conflicts;
  /** Names of plugins that must be in the recipe as well. */
  readonly requires?: readonly string[];
  /** The reason why the plugin cannot do anything beside these others, if so. */
  readonly refuses?: (otherPluginNames: readonly string[]) => string | undefined;
  /** Strict: unknown keys are errors. Every field has `.meta({ description })` or `.describe()`: it becomes the flag's help. */
  readonly options: Schema;
  readonly setup: (options: z.output<Schema>, context: SetupContext) => Contributions;
  /** For methods whose export is no model of its own: see `Plugin`. */
  readonly attachExport?: AttachExport;
}

/**
 * Lays what a plugin's trainable exported over the model it was trained on.
 * @param folder with the files of the export
 * @param options.strength how much adapters count, times what they were trained to; whatever has no such thing ignores it
 */
export type AttachExport = (
  model: DiffusionModel,
  folder: string,
  options?: { readonly strength?: number },
) => Promise<Attached>;

/** A plugin of a run, with the options given to its factory. */
export interface Plugin {
  readonly name: string;
  readonly version?: string;
  readonly description: string;
  readonly conflicts: Readonly<Record<string, string>>;
  readonly requires: readonly string[];
  readonly refuses?: (otherPluginNames: readonly string[]) => string | undefined;
  readonly optionsSchema: z.ZodObject;
  /** As given to the factory, unchecked: `resolveConfig` checks them together with file and flags. */
  readonly options: Readonly<Record<string, unknown>>;
  /** `options` has passed `optionsSchema`. */
  readonly setup: (options: Readonly<Record<string, unknown>>, context: SetupContext) => Contributions;
  /** How the export is opened again, by `pipeline generate RUN` and `testPlugin`; without it the export is a model. */
  readonly attachExport?: AttachExport;
  readonly [CORE_COPY]: CoreCopy;
}

/** Makes a plugin: `lora({ rank: 8 })`. */
export interface PluginFactory<Schema extends z.ZodObject = z.ZodObject> {
  (options?: z.input<Schema>): Plugin;
  readonly pluginName: string;
  readonly [CORE_COPY]: CoreCopy;
}

/**
 * Defines a plugin and returns its factory. Options given to the factory are checked when the run is configured, so
 * that all problems of a run are told at once.
 * @throws PluginError for a name recipes cannot say, or an options schema that lets unknown keys pass
 */
export function definePlugin<Schema extends z.ZodObject>(
  definition: PluginDefinition<Schema>,
): PluginFactory<Schema> {
  const {
    name,
    options: optionsSchema,
    setup,
    conflicts = [],
    requires = [],
    refuses,
    version,
    description,
    attachExport,
  } = definition;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new PluginError('a plugin cannot be called so', {
      code: 'plugin/bad-name',
      where: `definePlugin(${JSON.stringify(name)})`,
      expected: 'lower-case words joined by dashes, like textual-inversion',
      got: JSON.stringify(name),
    });
  }
  if (!isStrict(optionsSchema)) {
    throw new PluginError('its options would let mistyped keys pass', {
      code: 'plugin/loose-options',
      where: `plugin ${name}`,
      expected: 'options: z.strictObject({ … })',
      got: 'an object schema that is not strict',
    });
  }
  const plugin = {
    name,
    ...(version === undefined ? {} : { version }),
    description,
    conflicts: isList(conflicts) ? Object.fromEntries(conflicts.map((other) => [other, ''])) : conflicts,
    requires,
    ...(refuses === undefined ? {} : { refuses }),
    optionsSchema,
    // The schema has given the options their type by then.
    setup: setup as Plugin['setup'],
    ...(attachExport === undefined ? {} : { attachExport }),
    [CORE_COPY]: thisCore,
  };
  const factory = (options: z.input<Schema> = {} as z.input<Schema>): Plugin => ({ ...plugin, options });
  return Object.assign(factory, { pluginName: name, [CORE_COPY]: thisCore } as const);
}

/** Whether a value is a plugin, of this copy of core or another. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && CORE_COPY in value;
}

/** Whether a value is a plugin's factory, of this copy of core or another. */
export function isPluginFactory(value: unknown): value is PluginFactory {
  return typeof value === 'function' && CORE_COPY in value;
}

/** @throws PluginError naming the plugin and both copies, when another copy of core made it */
export function requireThisCore(plugin: Plugin | PluginFactory, where: string): void {
  const copy = plugin[CORE_COPY];
  if (copy === thisCore) return;
  const name = typeof plugin === 'function' ? plugin.pluginName : plugin.name;
  throw otherCore(
    `plugin ${name} (${where})`,
    `${thisCore.version} at ${thisCore.location}`,
    `${copy.version} at ${copy.location}`,
  );
}

export const otherCore = (where: string, expected: string, got: string): PluginError =>
  new PluginError('built against a second copy of @likeness/core, whose tensors and errors are not ours', {
    code: 'plugin/second-core',
    where,
    expected,
    got,
    hint: 'make @likeness/core a peer dependency of the plugin and install it once',
  });

function isList(conflicts: Conflicts): conflicts is readonly string[] {
  return Array.isArray(conflicts);
}

function isStrict(schema: z.ZodObject): boolean {
  return schema._zod.def.catchall?._zod.def.type === 'never';
}
