// Flags of a run, made from the schemas of core and of the recipe's plugins: a new option needs no line here.
import type { FlagValues, OptionDescription } from '@likeness/core';
import { Option } from 'commander';

/** Headings of core's flags in `--help`; an option nobody has sorted yet stands under the last. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Subject and model:': [
    'subject',
    'instanceDataDir',
    'classNoun',
    'identifier',
    'instancePrompt',
    'classPrompt',
    'pretrainedModel',
    'predictionType',
    'plugins',
  ],
  'Pictures:': ['resolution', 'centerCrop', 'randomFlip', 'alpha', 'background', 'captions'],
  'Training:': [
    'maxTrainSteps',
    'learningRate',
    'scaleLr',
    'trainBatchSize',
    'gradientAccumulationSteps',
    'lrScheduler',
    'lrWarmupSteps',
    'lrNumCycles',
    'lrPower',
    'lrStepRules',
    'optimizer',
    'adamBeta1',
    'adamBeta2',
    'adamWeightDecay',
    'adamEpsilon',
    'maxGradNorm',
    'snrGamma',
    'noiseOffset',
    'inputPerturbation',
    'emaDecay',
    'seed',
  ],
  'Samples:': [
    'samples',
    'samplePrompts',
    'sampleEverySteps',
    'numSamples',
    'sampler',
    'numInferenceSteps',
    'guidanceScale',
    'rng',
  ],
  'Speed and memory:': ['mode', 'threads', 'mixedPrecision', 'gradientCheckpointing'],
  'Results:': [
    'outputDir',
    'resume',
    'checkpointingSteps',
    'checkpointsTotalLimit',
    'exportDtype',
    'exportFormat',
    'cacheDir',
  ],
};
const UNSORTED = 'More:';

/** The heading a flag stands under. */
export function groupOf({ owner, name }: Pick<OptionDescription, 'owner' | 'name'>): string {
  if (owner !== 'core') return `Options of ${owner}:`;
  return Object.entries(GROUPS).find(([, names]) => names.includes(name))?.[0] ?? UNSORTED;
}

/** Commander's options of one described option; switches come as `--x` and `--no-x`, help shows the one that changes something. */
export function commanderOptions(option: OptionDescription): Option[] {
  const { flag, type, description, choices, default: fallback } = option;
  const told =
    fallback === undefined || type === 'boolean'
      ? description
      : `${description} (default: ${show(fallback)})`;
  const grouped = (flags: string): Option => new Option(flags, told).helpGroup(groupOf(option));
  if (type === 'boolean') {
    const on = grouped(`--${flag}`);
    const off = grouped(`--no-${flag}`);
    return fallback === true ? [on.hideHelp(), off] : [on, off.hideHelp()];
  }
  const made = grouped(`--${flag} <${placeholder(option)}>`);
  if (type === 'choice') return [made.choices([...(choices ?? [])])];
  // Values are collected, so that a flag said twice is not silently the last.
  return [made.argParser(collect)];
}

/** What was said on the command line, by flag. Defaults are not said. */
export function saidFlags(
  opts: Readonly<Record<string, unknown>>,
  flags: readonly OptionDescription[],
): FlagValues {
  return Object.fromEntries(
    flags.map(({ flag, type }) => {
      const said = opts[new Option(`--${flag}`).attributeName()] as FlagValues[string];
      const isOne = Array.isArray(said) && said.length === 1 && type !== 'list';
      return [flag, isOne ? (said[0] as string) : said];
    }),
  );
}

/**
 * The words of a command line that are no flags and no values of flags, before all flags are known.
 * @param isSwitch whether a flag takes no value; of an unknown one the next word is taken for its value
 */
export function operandsOf(words: readonly string[], isSwitch: (flag: string) => boolean): string[] {
  const operands: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') return [...operands, ...words.slice(i + 1)];
    if (!word.startsWith('-')) operands.push(word);
    else if (!word.includes('=') && !isSwitch(word)) i += 1;
  }
  return operands;
}

/** The last value of a flag among raw words: `--x value` or `--x=value`. */
export function rawValues(words: readonly string[], flag: string): string[] {
  return words.flatMap((word, index) => {
    if (word === flag) return words[index + 1] ?? [];
    return word.startsWith(`${flag}=`) ? word.slice(flag.length + 1) : [];
  });
}

function placeholder({ type, name }: OptionDescription): string {
  if (type === 'integer') return 'n';
  if (type === 'number') return 'x';
  if (/Dir$/.test(name)) return 'dir';
  return /prompts?$/i.test(name) ? 'text' : 'value';
}

function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

function show(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}
