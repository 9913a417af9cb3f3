// From a question to the settings of its cells: every combination, for every subject and seed. Seeds and subjects are
// the same in every combination, and a run draws noise, timesteps and data order from (seed, purpose, step) alone: cells
// that differ in a method see the same random numbers (common random numbers; Law, "Simulation Modeling and Analysis").
import { parseRecipe, type OptionDescription } from '@likeness/core';
import { axisOf, METHOD, type Axis } from './axis.ts';
import { designPoints, type Factors } from './design.ts';
import type { Question, Study } from './question.ts';
import { settingPath, withConditions, withSetting, type OptionsByRecipe } from './settingOf.ts';
import { SPECIAL_AXES, subjectSettings, type SubjectFacts } from './specialAxes.ts';

/** One place of a study: a combination, a subject, a seed. */
export interface Point {
  readonly study: string;
  readonly factors: Factors;
  readonly subject: string;
  readonly seed: number;
  /** Settings of a run, as a config file would hold them; undefined when there can be none. */
  readonly values: Readonly<Record<string, unknown>> | undefined;
  /** Of the evaluation. */
  readonly evaluation: Readonly<Record<string, unknown>>;
  /** All pictures of the subject: what fidelity is measured against, however few were trained on. */
  readonly reference: readonly string[];
  readonly refusal?: string;
}

export interface ExpandedStudy {
  readonly name: string;
  readonly study: Study;
  readonly axes: readonly Axis[];
  readonly baseline: Factors;
  readonly aliases: readonly string[];
  readonly points: readonly Point[];
}

/** What expanding asks of whoever knows plugins and subjects. */
export interface Surroundings {
  /** @throws PluginError for a recipe nobody can run */
  optionsOf(recipe: string): Promise<readonly OptionDescription[]>;
  /** @param name an example subject; undefined: the pictures the settings name */
  subject(name: string | undefined, settings: Readonly<Record<string, unknown>>): Promise<SubjectFacts>;
  readonly defaultRecipe: string;
}

const DEFAULT_SEEDS = 3;

/** @throws ConfigError with all that does not work */
export async function expand(question: Question, surroundings: Surroundings): Promise<ExpandedStudy[]> {
  const studies: ExpandedStudy[] = [];
  for (const [name, study] of Object.entries(question.studies))
    studies.push(await expandStudy(name, study, surroundings));
  return studies;
}

async function expandStudy(name: string, study: Study, surroundings: Surroundings): Promise<ExpandedStudy> {
  const { settings = {}, design = 'full', words, evaluation = {} } = study;
  const given = Object.entries(study.axes ?? {}).map(([key, input]) => axisOf(key, input));
  const usual = typeof settings['recipe'] === 'string' ? settings['recipe'] : surroundings.defaultRecipe;
  const recipes = given.find((axis) => axis.name === METHOD)?.values.map(String) ?? [usual];
  const included = (study.include ?? []).flatMap((more) => (METHOD in more ? [String(more[METHOD])] : []));
  const options: OptionsByRecipe = new Map(
    await Promise.all(
      [...new Set([...recipes, ...included])].map(
        async (recipe) => [recipe, await optionsOrNone(recipe, surroundings)] as const,
      ),
    ),
  );
  // The method first: what other axes apply to depends on it.
  const axes = withConditions(
    [...given.filter((axis) => axis.name === METHOD), ...given.filter((axis) => axis.name !== METHOD)],
    options,
  );
  const strangers = (study.include ?? [])
    .flatMap((more) => Object.keys(more))
    .filter((key) => !axes.some((axis) => axis.name === key));
  withConditions(
    [...new Set(strangers)].map((key) => ({ name: key, values: [] })),
    options,
  );
  const { points, baseline, aliases } = designPoints({
    axes,
    design,
    baseline: study.baseline,
    include: study.include,
    exclude: study.exclude,
  });
  const subjects = await Promise.all(
    (study.subjects ?? [undefined]).map((subject) => surroundings.subject(subject, settings)),
  );
  const seeds = seedsOf(study.seeds ?? DEFAULT_SEEDS);
  const all = points.flatMap((factors) =>
    subjects.flatMap((subject) =>
      seeds.map((seed): Point => {
        const recipe = String(factors[METHOD] ?? usual);
        const where = {
          study: name,
          factors,
          subject: subject.name,
          seed,
          // Whatever a cell calls it, the subject is judged as what it is.
          evaluation: {
            ...(subject.classNoun === undefined ? {} : { classNoun: subject.classNoun }),
            ...evaluation,
          },
          reference: subject.pictures,
        };
        const named = subjectSettings(factors, subject, settings, words);
        if ('refusal' in named) return { ...where, values: undefined, refusal: named.refusal };
        const own = { ...common(settings, recipe), ...named.values, recipe, seed };
        return { ...where, values: withFactors(own, factors, axes, options.get(recipe) ?? []) };
      }),
    ),
  );
  return { name, study, axes, baseline, aliases, points: all };
}

/** A recipe that cannot run has no options here: its cells are shown as invalid, with the reason, later. */
async function optionsOrNone(
  recipe: string,
  { optionsOf }: Surroundings,
): Promise<readonly OptionDescription[]> {
  try {
    return await optionsOf(recipe);
  } catch {
    return [];
  }
}

/** Settings of all cells without what says which pictures, and without options of plugins the recipe does not have. */
function common(settings: Readonly<Record<string, unknown>>, recipe: string): Record<string, unknown> {
  const { subject: _subject, instanceDataDir: _pictures, pluginOptions, ...kept } = settings;
  if (typeof pluginOptions !== 'object' || pluginOptions === null) return { ...kept };
  const names = safeNames(recipe);
  const own = Object.entries(pluginOptions).filter(([name]) => names.includes(name));
  return own.length === 0 ? kept : { ...kept, pluginOptions: Object.fromEntries(own) };
}

function withFactors(
  values: Record<string, unknown>,
  factors: Factors,
  axes: readonly Axis[],
  options: readonly OptionDescription[],
): Record<string, unknown> {
  let all = values;
  const set = (key: string, value: unknown): void => {
    const path = settingPath(key, options);
    if (path !== undefined) all = withSetting(all, path, value);
  };
  for (const [key, value] of Object.entries(factors)) {
    const axis = axes.find(({ name }) => name === key);
    if (value === null || key === METHOD) continue;
    if (axis?.sets !== undefined)
      for (const [inner, paired] of Object.entries(axis.sets[String(value)] ?? {})) set(inner, paired);
    else if (!SPECIAL_AXES.includes(key)) set(key, value);
  }
  return all;
}

function seedsOf(seeds: number | readonly number[]): readonly number[] {
  return typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i) : seeds;
}

function safeNames(recipe: string): readonly string[] {
  try {
    return parseRecipe(recipe);
  } catch {
    return [];
  }
}
