// From what was typed to a run that can start: settings in layers, plugins, the model.
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  configHash,
  ConfigError,
  configSchema,
  flagLayer,
  flagsFromSchema,
  listPlugins,
  listRuns,
  loadConfigFile,
  modelFacts,
  readRun,
  resolveConfig,
  resolvePlugins,
  type ConfigLayer,
  type DiffusionModel,
  type FlagValues,
  type OptionDescription,
  type Plugin,
  type PluginSetup,
  type ResolvedConfig,
  PluginError,
  type Warning,
} from '@likeness/core';
import {
  builtIns,
  BUNDLED_MODEL,
  defaultSubject,
  exampleSubjects,
  openModel,
  type OpenModelOptions,
} from '../composition.ts';
import { runFolderOf, RUNS_ROOT } from './findRun.ts';
import { layerFromRun, restrictToRecipe } from './fromRun.ts';
import { operandsOf, rawValues } from './runFlags.ts';

/** What decides which plugins a run has, found before its flags can be read: some flags are the plugins' own. */
export interface RunPlan {
  readonly recipe: string;
  readonly plugins: readonly Plugin[];
  readonly flags: readonly OptionDescription[];
  /** Earlier run, config file: weakest first. */
  readonly layers: readonly ConfigLayer[];
}

export const DEFAULT_RECIPE = 'dreambooth+ppl';
/** Switches of `run` that belong to the command and not to a config. */
const OWN_SWITCHES: readonly string[] = ['--dry-run', '--json', '--quiet', '--help', '-h'];

/**
 * Reads as much of a command line as says which plugins there are.
 * @param words what follows `run`
 */
export async function planRun(words: readonly string[], cwd: string = process.cwd()): Promise<RunPlan> {
  const coreFlags = flagsFromSchema();
  const isSwitch = (word: string): boolean => {
    const flag = word.replace(/^--(no-)?/, '');
    return (
      OWN_SWITCHES.includes(word) ||
      coreFlags.some((known) => known.flag === flag && known.type === 'boolean')
    );
  };
  const typed = operandsOf(words, isSwitch)[0];
  const layers: ConfigLayer[] = [];
  const from = rawValues(words, '--from').at(-1);
  if (from !== undefined) layers.push(await layerFromRun((await runFolderOf(from)) ?? from));
  const file = rawValues(words, '--config').at(-1);
  if (file !== undefined) layers.push(await loadConfigFile(file));
  const configured = layers.findLast(({ values }) => typeof values['recipe'] === 'string')?.values['recipe'];
  const recipe = typed ?? (typeof configured === 'string' ? configured : DEFAULT_RECIPE);
  const listed = layers.findLast(({ values }) => Array.isArray(values['plugins']))?.values['plugins'];
  const extra = rawValues(words, '--plugin');
  const plugins = await asUsage(
    resolvePlugins(recipe, {
      builtIns,
      cwd,
      plugins: extra.length > 0 ? extra : Array.isArray(listed) ? listed : [],
    }),
  );
  return {
    recipe,
    plugins,
    flags: flagsFromSchema(plugins),
    layers: layers.map((layer) => restrictToRecipe(layer, recipe)),
  };
}

/**
 * Flags of plugins the recipe does not have, told by what would have them.
 * @throws ConfigError
 */
export async function refuseForeignFlags(
  words: readonly string[],
  plan: RunPlan,
  cwd = process.cwd(),
): Promise<void> {
  const ours = new Set(plan.flags.map(({ flag }) => flag));
  const said = words.flatMap((word) => /^--(?:no-)?([^=]+)/.exec(word)?.[1] ?? []);
  const unknown = said.filter((flag) => !ours.has(flag));
  if (unknown.length === 0) return;
  const { plugins } = await listPlugins(builtIns, cwd);
  const details = plugins.flatMap(({ plugin }) =>
    flagsFromSchema([plugin])
      .filter(({ owner, flag }) => owner === plugin.name && unknown.includes(flag))
      .map(
        ({ flag }) => `--${flag} is an option of ${plugin.name}: pipeline run ${plan.recipe}+${plugin.name}`,
      ),
  );
  if (details.length > 0) {
    throw new ConfigError('these flags belong to plugins that are not in the recipe', {
      code: 'usage/other-plugin-flag',
      where: `recipe ${plan.recipe}`,
      details,
    });
  }
}

/** A run ready to start. */
export interface PreparedRun {
  readonly config: ResolvedConfig;
  readonly plugins: readonly PluginSetup[];
  readonly model: DiffusionModel;
  readonly warnings: readonly Warning[];
}

export interface PrepareOptions extends Pick<OpenModelOptions, 'onProgress'> {
  /** How models are opened; a plan of many runs opens each once. */
  readonly open?: typeof openModel;
}

/**
 * Loads the model and resolves the settings.
 * @throws ConfigError with all problems of all layers; WeightsError for a model that cannot be opened
 */
export async function prepareRun(
  plan: RunPlan,
  values: FlagValues,
  { open = openModel, ...options }: PrepareOptions = {},
): Promise<PreparedRun> {
  const flags = flagLayer(values, plan.flags);
  const layers = [...plan.layers, { name: flags.name, values: { recipe: plan.recipe, ...flags.values } }];
  const last = (key: string): unknown =>
    layers.findLast((layer) => layer.values[key] !== undefined)?.values[key];
  const named = last('pretrainedModel');
  // Anything but a text is told by `resolveConfig`, together with all other problems.
  const source = typeof named === 'string' ? named : BUNDLED_MODEL;
  const model = await open(source, options);
  const namesPictures = last('subject') !== undefined || last('instanceDataDir') !== undefined;
  const defaults: ConfigLayer = { name: 'the command', values: { subject: defaultSubject } };
  const resolved = resolveConfig({
    plugins: plan.plugins,
    layers: source === BUNDLED_MODEL && !namesPictures ? [defaults, ...layers] : layers,
    model: modelFacts(model),
    subjects: exampleSubjects,
  });
  const config = await withFolder(inSchemaOrder(resolved.config));
  return { config, plugins: resolved.plugins, model, warnings: resolved.warnings };
}

/** Equal settings in equal order, whoever said them: records and exports of a resumed run are the same bytes. */
function inSchemaOrder(config: ResolvedConfig): ResolvedConfig {
  const order = Object.keys(configSchema.shape);
  const place = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  const entries = Object.entries(config).sort(([a], [b]) => place(a) - place(b));
  return Object.fromEntries(entries) as unknown as ResolvedConfig;
}

/**
 * Where the run goes on, or that it may start. `--resume latest` without a folder finds the newest run of the same
 * settings; a checkpoint names its run.
 * @throws ConfigError when a run is in the folder already and nobody said to go on
 */
async function withFolder(config: ResolvedConfig): Promise<ResolvedConfig> {
  const { outputDir, resume } = config;
  if (resume !== undefined && resume !== 'latest' && outputDir === undefined) {
    return { ...config, outputDir: dirname(dirname(resolve(resume))) };
  }
  if (resume === 'latest' && outputDir === undefined) {
    const suffix = `-${config.recipe}-${configHash(config).slice(0, 8)}`;
    const newest = (await listRuns(RUNS_ROOT)).findLast(({ name }) => name.endsWith(suffix));
    return newest === undefined ? config : { ...config, outputDir: newest.folder };
  }
  if (
    resume === undefined &&
    outputDir !== undefined &&
    (await stat(join(outputDir, 'config.json')).catch(() => undefined))
  ) {
    const before = await readRun(outputDir).catch(() => undefined);
    throw new ConfigError('there is a run in this folder already', {
      code: 'run/folder-taken',
      where: `--output-dir ${outputDir}`,
      ...(before === undefined ? {} : { got: `${before.recipe}, ${before.state} at step ${before.step}` }),
      hint: 'go on with it (--resume latest), name another folder, or remove this one',
    });
  }
  return config;
}

/** A recipe nobody can run is a matter of what was typed. */
async function asUsage<T>(plugins: Promise<T>): Promise<T> {
  try {
    return await plugins;
  } catch (error) {
    throw error instanceof PluginError && error.code.startsWith('recipe/')
      ? new ConfigError(error.summary, { ...error.toJSON(), cause: error })
      : error;
  }
}
