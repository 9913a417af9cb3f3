// pipeline prompts: sentences that show whether a learned subject can be taken elsewhere.
import {
  ConfigError,
  didYouMean,
  DREAMBOOTH_PROMPTS,
  evaluationPrompts,
  PROMPT_CATEGORIES,
  type EvaluationPrompt,
  type PromptCategory,
  type SubjectKind,
  type Warning,
} from '@likeness/core';
import { Command, Option } from 'commander';
import {
  BUNDLED_MODEL,
  bundledPrompts,
  bundledVocabulary,
  defaultSubject,
  exampleSubjects,
} from '../composition.ts';
import { warningLine } from '../progress/reporters.ts';
import { count } from '../terminal/format.ts';
import { colours, type Terminal } from '../terminal/terminal.ts';

const EXAMPLES = `
For the bundled model: its own 25, in words it knows. For any other, or with --set paper: the 25 of the DreamBooth paper
(Ruiz et al. 2022), for objects or live subjects, and its art renditions and views. Without --category: the 25.

Examples:
  pipeline prompts                                       the bundled model, its first example subject
  pipeline prompts --subject tuxedo-cat --category property
  pipeline prompts --set paper --identifier sks --class-noun dog --category accessory --category art
  pipeline prompts --set paper --class-noun teapot --object --json
  pipeline prompts | pipeline generate latest --prompt-file - --num 2`;

const SETS = ['bundled', 'paper'] as const;
type SetName = (typeof SETS)[number];

interface PromptsFlags {
  readonly category?: readonly PromptCategory[];
  readonly subject?: string;
  readonly identifier: string;
  readonly classNoun?: string;
  readonly live?: boolean;
  readonly object?: boolean;
  readonly set?: SetName;
  readonly pretrainedModel: string;
  readonly json?: boolean;
}

export function promptsCommand(terminal: Terminal): Command {
  return new Command('prompts')
    .description('prompts that show what a learned subject can do, one a line')
    .addOption(
      new Option('--category <name>', `${PROMPT_CATEGORIES.join(', ')}; several: say it again`).argParser(
        collectCategory,
      ),
    )
    .option('--subject <name>', 'an example subject that comes along')
    .option('--identifier <word>', 'the word that names the subject', 'sks')
    .option('--class-noun <noun>', 'what the subject is')
    .addOption(
      new Option('--live', "the paper's prompts for live subjects; default: for animals").conflicts('object'),
    )
    .option('--object', "the paper's prompts for objects; default: for anything else")
    .addOption(
      new Option('--set <name>', "the bundled model's own, or the paper's; default: by the model").choices(
        SETS,
      ),
    )
    .option('--pretrained-model <name>', 'the model they are for', BUNDLED_MODEL)
    .option('--json', 'one prompt a line, as JSON with its category and template')
    .addHelpText('after', EXAMPLES)
    .action((flags: PromptsFlags) => {
      const classNoun = classNounOf(flags);
      const { prompts, set, warnings } = choosePrompts(flags, classNoun);
      for (const warning of warnings) terminal.err(warningLine(warning));
      if (terminal.isLive && !flags.json)
        terminal.err(colours.dim(`${count(prompts.length, 'prompt')}: ${set}`));
      for (const prompt of prompts) terminal.out(flags.json ? JSON.stringify(prompt) : prompt.prompt);
    });
}

/** @throws ConfigError for a subject that does not come along, or two answers to what it is */
function classNounOf({ subject, classNoun }: PromptsFlags): string {
  if (subject === undefined) return classNoun ?? exampleSubjects[defaultSubject]?.classNoun ?? '';
  const names = Object.keys(exampleSubjects);
  const known = exampleSubjects[subject];
  if (known === undefined) {
    throw new ConfigError('no such example subject', {
      code: 'usage/unknown-name',
      where: '--subject',
      expected: `one of ${names.join(', ')}`,
      got: `${subject}${didYouMean(subject, names)}`,
      hint: 'for a subject of your own: --class-noun NOUN',
    });
  }
  if (classNoun !== undefined && classNoun !== known.classNoun) {
    throw new ConfigError('--subject and --class-noun both say what it is', {
      code: 'usage/contradiction',
      expected: `--class-noun ${known.classNoun}, or only one of them`,
      got: classNoun,
    });
  }
  return known.classNoun;
}

/** The prompts, whose they are, and what the model will not understand of them. */
function choosePrompts(
  flags: PromptsFlags,
  classNoun: string,
): { prompts: EvaluationPrompt[]; set: string; warnings: Warning[] } {
  const subject = { identifier: flags.identifier, classNoun };
  const saysKind = flags.live === true || flags.object === true;
  if (flags.set === 'bundled' && saysKind) {
    throw new ConfigError("the bundled model's prompts are the same for live subjects and objects", {
      code: 'usage/flag-without-effect',
      hint: '--set paper, or without --live and --object',
    });
  }
  const bundled = flags.set === 'bundled' || (flags.set === undefined && !saysKind && isBundled(flags));
  const kind = kindOf(flags, classNoun);
  const paper = DREAMBOOTH_PROMPTS[kind];
  const told = `the paper's prompts for ${kind === 'live' ? 'live subjects' : 'objects'}`;
  if (!bundled) {
    const prompts = evaluationPrompts({ set: paper, ...asked(flags.category), ...subject });
    return { prompts, set: told, warnings: [] };
  }
  const warnings: Warning[] = [];
  if (!bundledVocabulary.nouns.includes(classNoun)) {
    const text = `the bundled model does not know the noun "${classNoun}"`;
    warnings.push({ code: 'prompt/unknown-noun', text });
  }
  const missing = (flags.category ?? []).filter((category) => bundledPrompts[category] === undefined);
  if (missing.length > 0) {
    if (flags.set === 'bundled') evaluationPrompts({ set: bundledPrompts, categories: missing, ...subject });
    const text = `the bundled model has no words for ${missing.join(', ')}: here are ${told}`;
    warnings.push({ code: 'prompt/unknown-category', text });
  }
  const prompts = (flags.category ?? [undefined]).flatMap((category) => {
    const isMissing = category !== undefined && missing.includes(category);
    return evaluationPrompts({
      set: isMissing ? paper : bundledPrompts,
      ...asked(category && [category]),
      ...subject,
    });
  });
  return { prompts, set: "the bundled model's own; --set paper has the paper's", warnings };
}

function isBundled({ pretrainedModel }: PromptsFlags): boolean {
  return pretrainedModel === BUNDLED_MODEL;
}

function kindOf({ live, object }: PromptsFlags, classNoun: string): SubjectKind {
  if (live) return 'live';
  return !object && bundledVocabulary.liveNouns.includes(classNoun) ? 'live' : 'object';
}

function asked(categories: readonly PromptCategory[] | undefined): {
  categories?: readonly PromptCategory[];
} {
  return categories === undefined ? {} : { categories };
}

function collectCategory(name: string, before: readonly PromptCategory[] | undefined): PromptCategory[] {
  const category = PROMPT_CATEGORIES.find((known) => known === name);
  if (category === undefined) {
    throw new ConfigError('no such category', {
      code: 'prompt/no-such-category',
      where: '--category',
      expected: PROMPT_CATEGORIES.join(', '),
      got: `${name}${didYouMean(name, PROMPT_CATEGORIES)}`,
    });
  }
  return [...(before ?? []), category];
}
