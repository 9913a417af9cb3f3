// From layers of settings to the one config of a run. Weakest first:
//
//   defaults < the plugins' defaults, in recipe order < what the model recommends < config file < flags
//
// A method knows what suits it on the usual model, and a model knows better what suits it (the bundled one learns at
// 40 times Stable Diffusion's rate); a person knows best. Within a layer of plugins the later one wins: `ppl` doubles
// the steps of `dreambooth`.
import type { DiffusionModel, PredictionType, RecommendedSettings, SubjectPrompts } from '../contracts.ts';
import { ConfigError, type Warning } from '../errors.ts';
import { BEFORE_SETUP, type Plugin } from '../plugins/definePlugin.ts';
import { setUpPlugins, type PluginSetup } from '../plugins/setUpPlugins.ts';
import { newWordsOf } from '../prompts/newWords.ts';
import { promptWarnings, type Words } from '../prompts/promptWarnings.ts';
import { flagsFromSchema } from './flags.ts';
import { layerSetting, mergeLayers, problemsOf, type ConfigLayer } from './layers.ts';
import { didYouMean } from './nearestName.ts';
import { optimizerLayer, replacedOptimizerSettings } from './pluginOptimizer.ts';
import { physicalCores } from './physicalCores.ts';
import { defaultSamplePrompts, subjectPrompts } from './prompts.ts';
import { ignoredOptions, refusals } from './refusals.ts';
import { configSchema, type Config } from './schema.ts';

/** What the model says that settings depend on. */
export interface ModelFacts {
  readonly resolution: number;
  readonly samplers: readonly string[];
  readonly predictionType: PredictionType;
  /** How many pixels one latent spans per side. */
  readonly downsampleFactor: number;
  readonly recommended: RecommendedSettings;
  /** Without it nothing is said of the run's words. */
  readonly tokenizer?: Words;
}

/** An example subject that comes along. */
export interface ExampleSubject {
  readonly instanceDataDir: string;
  readonly classNoun: string;
}

/** The settings of a run with every name looked up: what is written to `config.json`. */
export interface ResolvedConfig extends Omit<
  Config,
  'plugins' | 'resolution' | 'threads' | 'samplePrompts' | 'sampler' | 'instanceDataDir'
> {
  /** Plugin names joined by +: the recipe's, then those added by `plugins`. */
  readonly recipe: string;
  /** Where plugins come from that are not built in: paths or package names. */
  readonly plugins: readonly string[];
  /** Every option of every plugin, defaults filled in. */
  readonly pluginOptions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly instanceDataDir: string | readonly string[];
  readonly resolution: number;
  readonly threads: number;
  readonly samplePrompts: readonly string[];
  readonly sampler: string;
  readonly prompts: SubjectPrompts;
}

export interface ResolveOptions {
  /** Plugins of the run in recipe order; see `resolvePlugins`. */
  readonly plugins: readonly Plugin[];
  /** Config file and flags, weakest first; a layer of the caller's own defaults may come before them. */
  readonly layers: readonly ConfigLayer[];
  readonly model: ModelFacts;
  readonly subjects?: Readonly<Record<string, ExampleSubject>>;
}

export interface Resolved {
  readonly config: ResolvedConfig;
  /** What the plugins contribute, set up with their options. */
  readonly plugins: readonly PluginSetup[];
  /** Options that were set and change nothing, and words that the model takes otherwise than one may think. */
  readonly warnings: readonly Warning[];
}

/** What `resolveConfig` needs to know of a loaded model. */
export function modelFacts(model: DiffusionModel): ModelFacts {
  return {
    resolution: model.resolution,
    samplers: model.samplers,
    predictionType: model.noiseSchedule.predictionType,
    downsampleFactor: model.latentCodec.downsampleFactor,
    recommended: model.recommended,
    tokenizer: model.tokenizer,
  };
}

/**
 * Puts the layers together and checks everything.
 * @throws ConfigError listing all problems of all layers; PluginError when contributions do not fit together
 */
export function resolveConfig({ plugins, layers, model, subjects = {} }: ResolveOptions): Resolved {
  const problems = layers.flatMap((layer) => problemsOf(configSchema, layer));
  const chosen = chooseSubject(layers, subjects, problems);
  const early = parseWhatIsRight(mergeLayers(chosen));
  const prompts = subjectPrompts(early);
  if (prompts === undefined) {
    problems.push(
      'instancePrompt: nothing names the subject; give classNoun (--class-noun dog), instancePrompt or subject',
    );
  }
  if (early.instanceDataDir === undefined) {
    const example = Object.keys(subjects)[0] ?? 'NAME';
    problems.push(
      `instanceDataDir: no pictures; give a folder (--instance-data-dir) or an example subject (--subject ${example})`,
    );
  }
  // Plugins are set up even when something else is wrong, so that their problems are told as well.
  const context = {
    prompts: prompts ?? { instancePrompt: '?', classPrompt: '?' },
    seed: early.seed,
    plugins: plugins.map(({ name }) => name),
  };
  const setUp = setUpPlugins({ plugins, layers, recommended: model.recommended, context, problems });
  if (problems.length > 0 || prompts === undefined) throw configError(problems);
  const called = setUp.plugins.reduce<SubjectPrompts>(
    (known, { contributions }) => ({ ...known, ...contributions.prompts }),
    prompts,
  );

  const optimizer = optimizerLayer(setUp.plugins);
  const all: ConfigLayer[] = [
    ...setUp.defaults,
    recommendedLayer(model.recommended),
    ...chosen,
    ...(optimizer ? [optimizer] : []),
  ];
  const overPlugins = [...setUp.defaults, ...(optimizer ? [optimizer] : [])].flatMap(problemsOfDefaults);
  if (overPlugins.length > 0) throw configError(overPlugins);
  const merged = configSchema.parse(mergeLayers(all));
  const config: ResolvedConfig = {
    ...merged,
    recipe: plugins.map(({ name }) => name).join('+'),
    plugins: merged.plugins.filter((plugin) => typeof plugin === 'string'),
    pluginOptions: Object.fromEntries(setUp.plugins.map(({ plugin, options }) => [plugin.name, options])),
    // Checked above: without pictures there is a problem.
    instanceDataDir: merged.instanceDataDir ?? '',
    resolution: merged.resolution ?? model.resolution,
    threads: merged.threads ?? physicalCores(),
    samplePrompts: merged.samplePrompts ?? defaultSamplePrompts(called),
    sampler: merged.sampler ?? model.samplers[0] ?? '',
    prompts: called,
  };
  const refused = [...refusals(config, model.predictionType, setUp.plugins), ...modelRefusals(config, model)];
  if (refused.length > 0) {
    throw configError(refused.map((reason) => `${layerSetting(reason.split(':')[0] ?? '', all)}: ${reason}`));
  }
  const words = {
    prompts: called,
    samplePrompts: config.samplePrompts,
    newWords: newWordsOf(setUp.plugins),
  };
  const warnings = [
    ...replacedOptimizerSettings(optimizer, layers),
    ...ignoredOptions(config, (key) => isChosen(key, merged, layers)),
    ...(model.tokenizer === undefined ? [] : promptWarnings(words, model.tokenizer)),
  ];
  return { config, plugins: setUp.plugins, warnings };
}

/** What is wrong with the defaults of a plugin, or with what a model recommends for one. */
function problemsOfDefaults(layer: ConfigLayer): string[] {
  const tooLate = Object.keys(layer.values).filter((key) =>
    (BEFORE_SETUP as readonly string[]).includes(key),
  );
  return [
    ...problemsOf(configSchema, layer),
    ...tooLate.map(
      (key) => `${layer.name}: ${key} is known before plugins are set up; it cannot have a default there`,
    ),
  ];
}

/** Whether somebody set an option now, and to something else than its default. */
function isChosen(key: string, merged: Config, layers: readonly ConfigLayer[]): boolean {
  const fallback = flagsFromSchema().find(({ name }) => name === key)?.default;
  const isSaid = layers.some(({ values, isRecorded }) => isRecorded !== true && values[key] !== undefined);
  return isSaid && merged[key as keyof Config] !== fallback;
}

function configError(problems: readonly string[]): ConfigError {
  return new ConfigError(
    problems.length === 1 ? 'this setting does not work' : `${problems.length} settings do not work`,
    {
      code: 'config/invalid',
      where: 'configuration',
      details: problems,
      hint: 'pipeline plugins lists every option with its default',
    },
  );
}

function modelRefusals(config: ResolvedConfig, model: ModelFacts): string[] {
  const reasons: string[] = [];
  if (!model.samplers.includes(config.sampler)) {
    reasons.push(
      `sampler: expected one of ${model.samplers.join(', ')}, got ${config.sampler}${didYouMean(config.sampler, model.samplers)}`,
    );
  }
  if (config.resolution % model.downsampleFactor !== 0) {
    reasons.push(`resolution: expected a multiple of ${model.downsampleFactor}, got ${config.resolution}`);
  }
  return reasons;
}

/** Settings without those that are wrong, which are told already. */
function parseWhatIsRight(values: Readonly<Record<string, unknown>>): Config {
  const parsed = configSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [String(issue.path[0])],
  );
  return parseWhatIsRight(Object.fromEntries(Object.entries(values).filter(([key]) => !wrong.includes(key))));
}

/** The model's settings for samples; those for training go to the plugins they are for. */
function recommendedLayer({ sampler, numInferenceSteps, guidanceScale }: RecommendedSettings): ConfigLayer {
  return { name: "the model's recommendation", values: { sampler, numInferenceSteps, guidanceScale } };
}

/**
 * Puts pictures and class noun of an example subject where it is named. Pictures given by a stronger layer win over a
 * subject; in one layer they contradict each other.
 */
function chooseSubject(
  layers: readonly ConfigLayer[],
  subjects: Readonly<Record<string, ExampleSubject>>,
  problems: string[],
): ConfigLayer[] {
  const last = (key: string): number => layers.findLastIndex(({ values }) => values[key] !== undefined);
  const at = last('subject');
  return layers.map((layer, index) => {
    const { subject, ...values } = layer.values;
    if (typeof subject !== 'string') return layer;
    if (values['instanceDataDir'] !== undefined) {
      problems.push(`${layer.name}: subject and instanceDataDir both say which pictures; give one of them`);
    }
    const known = Object.hasOwn(subjects, subject) ? subjects[subject] : undefined;
    if (known === undefined) {
      const names = Object.keys(subjects);
      const expected =
        names.length > 0 ? `expected one of ${names.join(', ')}` : 'there are no example subjects here';
      problems.push(`${layer.name}: subject: ${expected}, got ${subject}${didYouMean(subject, names)}`);
      return layer;
    }
    const overridden = index !== at || last('instanceDataDir') > index;
    return overridden ? { ...layer, values } : { ...layer, values: { ...known, ...layer.values } };
  });
}
