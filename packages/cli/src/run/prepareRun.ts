// From what was typed to a run that can start: settings in layers, plugins, the model.
import { dirname, resolve } from 'node:path';
import {
  ConfigError,
  configSchema,
  flagLayer,
  findRunToResume,
  flagsFromSchema,
  listPlugins,
  listRuns,
  loadConfigFile,
  modelFacts,
  readRun,
  refuseCode,
  requireOwnFolder,
  resolveConfig,
  resolvePlugins,
  holdsWork,
  shellQuote,
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
import { rebased, startFolderOf } from './startFolder.ts';
import { displayPath } from '../terminal/format.ts';

/** What decides which plugins a run has, found before its flags can be read: some flags are the plugins' own. */
export interface RunPlan {
  readonly recipe: string;
  readonly plugins: readonly Plugin[];
  readonly flags: readonly OptionDescription[];
  /** Earlier run, config file: weakest first. */
  readonly layers: readonly ConfigLayer[];
  /** Folder of the run that `--from` names. */
  readonly from?: string;
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
  const fromRun = from === undefined ? undefined : await runFolderOf(from);
  if (from !== undefined) {
    const layer = await layerFromRun(fromRun ?? from);
    layers.push(fromRun === undefined ? layer : rebased(layer, await startFolderOf(fromRun)));
  }
  const file = rawValues(words, '--config').at(-1);
  if (file !== undefined) layers.push(await loadConfigFile(file));
  const configured = layers.findLast(({ values }) => typeof values['recipe'] === 'string')?.values['recipe'];
  const recipe = typed ?? (typeof configured === 'string' ? configured : DEFAULT_RECIPE);
  const listing = layers.findLast(({ values }) => Array.isArray(values['plugins']));
  const listed = listing?.values['plugins'];
  const extra = rawValues(words, '--plugin');
  if (extra.length === 0 && listing?.isRecorded === true) refuseCode(listed, listing.name);
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
    ...(fromRun === undefined ? {} : { from: fromRun }),
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
  // Before a model is fetched: the folder would refuse the run in the end.
  const outputDir = last('outputDir');
  if (typeof outputDir === 'string') await requireFolder(outputDir, last('resume') !== undefined);
  const named = last('pretrainedModel');
  // Anything but a text is told by `resolveConfig`, together with all other problems.
  const source = typeof named === 'string' ? named : BUNDLED_MODEL;
  const prediction = last('predictionType');
  const model = await open(source, {
    ...options,
    ...(typeof prediction === 'string' ? { predictionType: prediction } : {}),
    // told with the run's other warnings
    onWarning: () => undefined,
  });
  const namesPictures = last('subject') !== undefined || last('instanceDataDir') !== undefined;
  const defaults: ConfigLayer = { name: 'the command', values: { subject: defaultSubject } };
  const resolved = resolveConfig({
    plugins: plan.plugins,
    layers: source === BUNDLED_MODEL && !namesPictures ? [defaults, ...layers] : layers,
    model: modelFacts(model),
    subjects: exampleSubjects,
  });
  const run = { config: inSchemaOrder(resolved.config), plugins: resolved.plugins, model };
  const { outputDir: folder, warnings } = await folderToResume(run, plan.from);
  return {
    ...run,
    config: folder === undefined ? run.config : { ...run.config, outputDir: folder },
    warnings: [...(model.warnings ?? []), ...resolved.warnings, ...warnings],
  };
}

/** Equal settings in equal order, whoever said them: records and exports of a resumed run are the same bytes. */
function inSchemaOrder(config: ResolvedConfig): ResolvedConfig {
  const order = Object.keys(configSchema.shape);
  const place = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  const entries = Object.entries(config).sort(([a], [b]) => place(a) - place(b));
  return Object.fromEntries(entries) as unknown as ResolvedConfig;
}

/**
 * Refuses a folder that a run may not write, before anything is opened.
 * @throws ConfigError when a run is in the folder already and nobody said to go on
 */
async function requireFolder(outputDir: string, goesOn: boolean): Promise<void> {
  await requireOwnFolder(outputDir);
  if (goesOn) return;
  const before = await readRun(outputDir).catch(() => undefined);
  // What failed before it did anything is no reason to choose another name.
  if (before === undefined || !(await holdsWork(outputDir))) return;
  const folder = shellQuote(outputDir);
  const { recipe, state, step } = before;
  throw new ConfigError('there is a run in this folder already', {
    code: 'run/folder-taken',
    where: `--output-dir ${outputDir}`,
    got: `${recipe}, ${state} at step ${step}`,
    hint:
      state === 'finished'
        ? `train it further (pipeline resume ${folder} --max-train-steps ${2 * step}), name another folder, or remove it`
        : `go on with it (pipeline resume ${folder}), name another folder, or remove this one`,
  });
}

/**
 * Where a run goes on: a checkpoint names its run; `--resume latest` without a folder finds the newest run that is the
 * same by content, the one of `--from` first. When there is none, that is told: the run starts from nothing.
 * @throws ConfigError when the run of `--from` differs by its steps only, and cannot be trained further
 */
async function folderToResume(
  { config, plugins, model }: Pick<PreparedRun, 'config' | 'plugins' | 'model'>,
  from: string | undefined,
): Promise<{ readonly outputDir?: string; readonly warnings: readonly Warning[] }> {
  const { outputDir, resume } = config;
  if (resume === undefined || outputDir !== undefined) return { warnings: [] };
  if (resume !== 'latest') return { outputDir: dirname(dirname(resolve(resume))), warnings: [] };
  const listed = (await listRuns(RUNS_ROOT)).map(({ folder }) => folder).reverse();
  const candidates = [...(from === undefined ? [] : [from]), ...listed];
  const { folder, nearest } = await findRunToResume({ config, plugins, model, candidates });
  if (folder !== undefined) return { outputDir: folder, warnings: [] };
  const isStepsOnly =
    nearest?.details.length === 1 && nearest.details[0]?.startsWith('config.maxTrainSteps:');
  if (nearest !== undefined && nearest.folder === from && isStepsOnly) {
    throw new ConfigError('the run cannot go on under other settings', {
      code: 'checkpoint/other-settings',
      where: displayPath(resolve(from)),
      details: nearest.details,
      hint: 'start another run, without --resume',
    });
  }
  const why =
    nearest === undefined ? '' : `; ${displayPath(resolve(nearest.folder))}: ${nearest.details.join('; ')}`;
  const text = `--resume latest: no run of these settings is here, so this one starts at step 0${why}`;
  return { warnings: [{ code: 'run/nothing-to-resume', text }] };
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
