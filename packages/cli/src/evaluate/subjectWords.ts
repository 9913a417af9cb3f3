// The words an evaluation asks with: how a run names its subject, what the subject is, and what it is not.
import {
  DREAMBOOTH_PROMPTS,
  evaluationPrompts,
  subjectPrompts,
  type PromptSet,
  type SubjectPrompts,
} from '@likeness/core';
import { bundledPrompts, bundledVocabulary } from '../composition.ts';

/** Nouns of the bundled model that stand for everything else. */
const UNRELATED_NOUNS = 10;

/** How prompts name the subject: identifier and class noun where the run says both together. */
export function phraseOf({ identifier, classNoun, instancePrompt }: SubjectPrompts): string {
  const both = `${identifier} ${classNoun}`;
  if (identifier !== undefined) return instancePrompt.includes(both) ? both : identifier;
  return instancePrompt.replace(/^(an? |the )?(photo|picture|image) of (?=.)/i, '');
}

/** The prompt of the true class, whatever the run was told. */
export function classPromptOf(
  { classPrompt, classNoun }: SubjectPrompts,
  trueNoun: string | undefined,
): { classPrompt?: string } {
  const own = trueNoun === undefined || trueNoun === classNoun ? classPrompt : undefined;
  const made = trueNoun === undefined ? undefined : subjectPrompts({ identifier: '', classNoun: trueNoun });
  const prompt = own ?? made?.classPrompt;
  return prompt === undefined ? {} : { classPrompt: prompt };
}

/** Sentences with `{}`: the model's own, or the paper's for what the subject is. */
export function templatesOf(isBundled: boolean, classNoun: string): string[] {
  const kind = bundledVocabulary.liveNouns.includes(classNoun) ? 'live' : 'object';
  const set: PromptSet = isBundled ? bundledPrompts : DREAMBOOTH_PROMPTS[kind];
  return evaluationPrompts({ set, identifier: '', classNoun: '' }).map(({ template }) => template);
}

/** Other things the bundled model can draw, spread over its vocabulary. */
export function bundledUnrelated(classNoun: string | undefined): string[] {
  const others = bundledVocabulary.nouns.filter((noun) => noun !== classNoun);
  const every = Math.max(1, Math.floor(others.length / UNRELATED_NOUNS));
  return others
    .filter((_, i) => i % every === 0)
    .slice(0, UNRELATED_NOUNS)
    .flatMap((noun) => subjectPrompts({ identifier: '', classNoun: noun })?.classPrompt ?? []);
}
