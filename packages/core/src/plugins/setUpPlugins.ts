// Gives every plugin its options, sets it up, and checks that together they bring what a run needs.
import {
  layerSetting,
  mergeLayers,
  problemsOf,
  problemsOfMerged,
  type ConfigLayer,
} from '../config/layers.ts';
import { didYouMean } from '../config/nearestName.ts';
import { configSchema } from '../config/schema.ts';
import type { RecommendedSettings, SetupContext } from '../contracts.ts';
import { LikenessError, PluginError } from '../errors.ts';
import type { Contributions, Plugin } from './definePlugin.ts';

/** A plugin with its checked options and what it contributes. */
export interface PluginSetup {
  readonly plugin: Plugin;
  readonly options: Readonly<Record<string, unknown>>;
  readonly contributions: Contributions;
}

export interface SetUpRequest {
  readonly plugins: readonly Plugin[];
  /** Config file and flags; `pluginOptions` is read from them. */
  readonly layers: readonly ConfigLayer[];
  readonly recommended: RecommendedSettings;
  readonly context: SetupContext;
  /** Receives what is wrong with options, one line each. */
  readonly problems: string[];
}

export interface SetUp {
  readonly plugins: readonly PluginSetup[];
  /** For core's options, weakest first: the plugins' defaults, then what the model recommends for them. */
  readonly defaults: readonly ConfigLayer[];
}

/**
 * Options of a plugin, weakest first: its schema's defaults < the model's recommendation < those given to its factory
 * < config file < flags.
 * @throws PluginError when setting up fails, or contributions do not fit together
 */
export function setUpPlugins({ plugins, layers, recommended, context, problems }: SetUpRequest): SetUp {
  problems.push(...optionsOfNobody(plugins, layers));
  const setups: PluginSetup[] = [];
  const ofPlugins: ConfigLayer[] = [];
  const ofModel = recommendationsFor(plugins, recommended).map((entry) => splitRecommended(entry, problems));
  for (const plugin of plugins) {
    const own = Object.fromEntries(
      ofModel.flatMap((entry) => Object.entries(entry.own.get(plugin.name) ?? {})),
    );
    const options = pluginOptions(plugin, own, layers, problems);
    if (options === undefined) continue;
    const contributions = setUp(plugin, options, context, problems);
    if (contributions === undefined) continue;
    setups.push({ plugin, options, contributions });
    ofPlugins.push({ name: `defaults of ${plugin.name}`, values: contributions.defaults ?? {} });
  }
  if (problems.length === 0) checkContributions(setups);
  return { plugins: setups, defaults: [...ofPlugins, ...ofModel.map(({ core }) => core)] };
}

/**
 * What plugins bring must make one training: something to train, at most one of what there can be only one of.
 * @throws PluginError with the names of the plugins that collide, all collisions at once
 */
export function checkContributions(setups: readonly PluginSetup[]): void {
  const bringing = (has: (contributions: Contributions) => unknown): string[] =>
    setups.filter(({ contributions }) => has(contributions) !== undefined).map(({ plugin }) => plugin.name);
  const details: string[] = [];
  if (bringing((c) => c.trainable).length === 0) {
    details.push('none of them trains anything; add a method like dreambooth');
  }
  const atMostOne = (names: readonly string[], what: string): void => {
    if (names.length > 1) details.push(`${names.join(' and ')} both bring ${what}; a run has one`);
  };
  atMostOne(
    bringing((c) => c.denoisingLoss),
    'a denoising loss',
  );
  atMostOne(
    bringing((c) => c.prior),
    'a request for class pictures',
  );
  atMostOne(
    bringing((c) => c.optimizer),
    'an optimizer',
  );
  atMostOne(
    bringing((c) => c.prompts),
    'the prompts of the subject',
  );
  atMostOne(
    bringing((c) => c.instancePrompts),
    'the prompts of the pictures',
  );
  details.push(...sharedTermNames(setups), ...uselessPrior(setups), ...priorWithoutFrozenModel(setups));
  if (details.length > 0) {
    const recipe = setups.map(({ plugin }) => plugin.name).join('+');
    throw new PluginError('what these plugins bring does not make one training', {
      code: 'recipe/plugins-do-not-fit',
      where: `recipe ${recipe}`,
      details,
    });
  }
}

function uselessPrior(setups: readonly PluginSetup[]): string[] {
  const asking = setups.filter(({ contributions }) => contributions.prior !== undefined);
  const training = setups.filter(({ contributions }) => contributions.trainable !== undefined);
  const reached = training.some(({ contributions }) => contributions.classPromptReaches !== false);
  if (asking.length === 0 || training.length === 0 || reached) return [];
  const names = (some: readonly PluginSetup[]): string => some.map(({ plugin }) => plugin.name).join(' and ');
  return [
    `${names(asking)} has nothing to preserve beside ${names(training)}: no prompt of the class reaches what trains, so its gradient is zero; leave ${names(asking)} out, or add a method that trains the networks`,
  ];
}

function priorWithoutFrozenModel(setups: readonly PluginSetup[]): string[] {
  const asking = setups.find(({ contributions }) => contributions.prior?.target === 'frozen');
  const training = setups.filter(({ contributions }) => contributions.trainsBaseWeights);
  if (asking === undefined || training.length === 0) return [];
  const names = training.map(({ plugin }) => plugin.name).join(' and ');
  return [
    `${asking.plugin.name} asks what the frozen model predicts, and ${names} trains the model's own weights: after the first step there is no frozen model; let it take class pictures as its target, or train adapters (lora)`,
  ];
}

function sharedTermNames(setups: readonly PluginSetup[]): string[] {
  const owners = new Map<string, string>([['instance', 'core']]);
  const details: string[] = [];
  for (const { plugin, contributions } of setups) {
    for (const { name } of contributions.lossTerms ?? []) {
      const owner = owners.get(name);
      if (owner !== undefined)
        details.push(`${owner} and ${plugin.name} both call a loss term ${name}; names are unique`);
      owners.set(name, plugin.name);
    }
  }
  return details;
}

function optionsOfNobody(plugins: readonly Plugin[], layers: readonly ConfigLayer[]): string[] {
  const names = plugins.map(({ name }) => name);
  return layers.flatMap((layer) =>
    Object.keys(pluginOptionsIn(layer))
      .filter((name) => !names.includes(name))
      .map(
        (name) =>
          `${layer.name}: pluginOptions.${name}: the recipe has no plugin ${name}${didYouMean(name, names)}`,
      ),
  );
}

function pluginOptionsIn(layer: ConfigLayer): Record<string, Record<string, unknown>> {
  const options = layer.values['pluginOptions'];
  return typeof options === 'object' && options !== null
    ? (options as Record<string, Record<string, unknown>>)
    : {};
}

interface Recommendation {
  /** `lora`, or `lora+textual-inversion`: for recipes with both, over what is recommended for each. */
  readonly name: string;
  readonly plugins: readonly Plugin[];
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What the model recommends for these plugins, weakest first: for each in recipe order, then for several together. */
function recommendationsFor(
  plugins: readonly Plugin[],
  { training = {} }: RecommendedSettings,
): Recommendation[] {
  const alone = plugins.map(({ name }) => name);
  const together = Object.keys(training).filter((name) => name.includes('+'));
  return [...alone, ...together].flatMap((name): Recommendation[] => {
    const meant = name.split('+').map((part) => plugins.find((plugin) => plugin.name === part));
    const settings = Object.hasOwn(training, name) ? training[name] : undefined;
    if (settings === undefined || meant.includes(undefined)) return [];
    return [{ name, plugins: meant.filter((plugin) => plugin !== undefined), settings }];
  });
}

/** Options of the plugins' own, and options of core, out of what the model recommends. */
function splitRecommended(
  { name, plugins, settings }: Recommendation,
  problems: string[],
): { readonly own: ReadonlyMap<string, Record<string, unknown>>; readonly core: ConfigLayer } {
  const own = new Map<string, Record<string, unknown>>();
  const core: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    const owner = plugins.find(({ optionsSchema }) => Object.hasOwn(optionsSchema.shape, key));
    if (owner) own.set(owner.name, { ...own.get(owner.name), [key]: value });
    else if (Object.hasOwn(configSchema.shape, key)) core[key] = value;
    else
      problems.push(
        `the model's recommendation for ${name}: ${key} is an option of neither ${name} nor core`,
      );
  }
  return { own, core: { name: `the model's recommendation for ${name}`, values: core } };
}

function pluginOptions(
  { name, optionsSchema, options }: Plugin,
  recommended: Readonly<Record<string, unknown>>,
  layers: readonly ConfigLayer[],
  problems: string[],
): Record<string, unknown> | undefined {
  const prefix = ['pluginOptions', name];
  const all: ConfigLayer[] = [
    { name: `the model's recommendation`, values: recommended },
    { name: `${name}({ … })`, values: options },
    ...layers.map((layer) => ({ name: layer.name, values: pluginOptionsIn(layer)[name] ?? {} })),
  ];
  const found = all.flatMap((layer) => problemsOf(optionsSchema, layer, prefix));
  problems.push(...found);
  if (found.length > 0) return undefined;
  const result = optionsSchema.safeParse(mergeLayers(all), { reportInput: true });
  if (result.success) return result.data;
  problems.push(...problemsOfMerged(result.error, optionsSchema, (key) => layerSetting(key, all), prefix));
  return undefined;
}

/** A ConfigError of a plugin's `setup` joins the other problems; anything else is the plugin's fault, with its name. */
function setUp(
  plugin: Plugin,
  options: Readonly<Record<string, unknown>>,
  context: SetupContext,
  problems: string[],
): Contributions | undefined {
  try {
    return plugin.setup(options, context);
  } catch (error) {
    if (error instanceof LikenessError) {
      problems.push(`plugin ${plugin.name}: ${error.message}`);
      return undefined;
    }
    throw new PluginError(`setting up failed: ${error instanceof Error ? error.message : String(error)}`, {
      code: 'plugin/setup-failed',
      where: `plugin ${plugin.name}`,
      cause: error,
    });
  }
}
