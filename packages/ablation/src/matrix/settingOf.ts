// From the name of an axis to the setting it changes: `learningRate`, `rank`, `ppl.priorLossWeight`.
import { ConfigError, didYouMean, type OptionDescription } from '@likeness/core';
import { METHOD, type Axis } from './axis.ts';
import { SPECIAL_AXES } from './specialAxes.ts';

/** The options of every recipe of a study. */
export type OptionsByRecipe = ReadonlyMap<string, readonly OptionDescription[]>;

/** What an axis may not change: cells differ by it anyway, or nothing does. */
const NOT_AXES: Readonly<Record<string, string>> = {
  recipe: `the axis is called ${METHOD}`,
  seed: 'say how many with seeds',
  subject: 'say which with subjects',
  outputDir: 'every cell has a folder of its own',
  resume: 'cells are always continued',
  cacheDir: 'cells share what they have in common',
};

/**
 * Where an axis's value goes in the settings of a recipe; undefined when the recipe has no such option.
 * @throws ConfigError when several of its plugins have one
 */
export function settingPath(
  name: string,
  options: readonly OptionDescription[],
): readonly string[] | undefined {
  const core = options.find((option) => option.owner === 'core' && option.name === name);
  if (core) return core.path;
  const found = options.filter((option) => isCalled(option, name));
  if (found.length > 1) {
    throw new ConfigError('several plugins have this option', {
      code: 'ablation/bad-axis',
      where: `axis ${name}`,
      expected: found.map(({ owner, name: key }) => `${owner}.${key}`).join(' or '),
    });
  }
  return found[0]?.path;
}

/**
 * Axes that are options of a plugin apply where the recipe has it: `rank` needs no condition.
 * @throws ConfigError listing the axes that no recipe knows, each with the nearest known name
 */
export function withConditions(axes: readonly Axis[], options: OptionsByRecipe): Axis[] {
  const problems: string[] = [];
  // A recipe that nobody can run has no options: its cells are shown as invalid later.
  const usable = [...options].filter(([, known]) => known.length > 0);
  const result = axes.map((axis) => {
    if (axis.name === METHOD || SPECIAL_AXES.includes(axis.name)) return axis;
    const keys =
      axis.sets === undefined
        ? [axis.name]
        : [...new Set(Object.values(axis.sets).flatMap((set) => Object.keys(set)))];
    for (const key of keys) {
      const refusal = NOT_AXES[key];
      if (refusal !== undefined) problems.push(`${key} is no axis: ${refusal}`);
      else if (usable.length > 0 && !usable.some(([, known]) => settingPath(key, known) !== undefined))
        problems.push(strange(key, options));
    }
    const having = usable.filter(([, known]) => keys.every((key) => settingPath(key, known) !== undefined));
    if (having.length === usable.length || having.length === 0 || axis.when !== undefined) return axis;
    return { ...axis, when: { [METHOD]: having.map(([recipe]) => recipe) } };
  });
  if (problems.length > 0)
    throw new ConfigError('these axes change nothing', {
      code: 'ablation/axis-without-effect',
      where: 'matrix',
      details: problems,
    });
  return result;
}

/** Sets a value at a path, copying what lies on the way. */
export function withSetting(
  values: Readonly<Record<string, unknown>>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (rest.length === 0) return { ...values, [key]: value };
  const inner = (values[key] ?? {}) as Readonly<Record<string, unknown>>;
  return { ...values, [key]: withSetting(inner, rest, value) };
}

function strange(name: string, options: OptionsByRecipe): string {
  const known = [...options.values()]
    .flat()
    .flatMap((option) =>
      option.owner === 'core' ? [option.name] : [option.name, `${option.owner}.${option.name}`],
    );
  const all = [METHOD, ...SPECIAL_AXES, ...new Set(known)];
  return `${name} is no option of ${[...options.keys()].join(', ')}${didYouMean(name, all)}`;
}

const isCalled = ({ owner, name, flag }: OptionDescription, wanted: string): boolean =>
  owner !== 'core' && (name === wanted || `${owner}.${name}` === wanted || flag === wanted);
