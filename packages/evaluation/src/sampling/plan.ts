// Which pictures an evaluation needs: the subject by its prompts, its class, and prompts that have nothing to do with it.
// Picture i of a prompt has seed + i, so two runs evaluated alike differ in nothing but the model.
import { ConfigError, DREAMBOOTH_PROMPTS, evaluationPrompts, type SamplerSettings } from '@likeness/core';
import type { PictureSet } from '../records/record.ts';
import type { EvaluationSettings } from '../settings.ts';
import type { EvaluationSubject } from '../subject.ts';

export interface PlannedPicture {
  readonly set: PictureSet;
  readonly prompt: string;
  /** The prompt without the word that names the subject. */
  readonly text?: string;
  readonly seed: number;
}

export interface PicturePlan {
  /** Of the model under evaluation. */
  readonly run: readonly PlannedPicture[];
  /** Of its base model: the class and the unrelated prompts. */
  readonly base: readonly PlannedPicture[];
  readonly sampler: SamplerSettings;
}

/** @throws ConfigError when there is no prompt, or a sampler the model does not have */
export function planPictures(subject: EvaluationSubject, settings: EvaluationSettings): PicturePlan {
  const { imagesPerPrompt, numClassImages, imagesPerUnrelatedPrompt, seed } = settings;
  const sampler = {
    sampler: settings.sampler ?? subject.sampling.sampler,
    numInferenceSteps: settings.numInferenceSteps ?? subject.sampling.numInferenceSteps,
    guidanceScale: settings.guidanceScale ?? subject.sampling.guidanceScale,
  };
  if (!subject.model.samplers.includes(sampler.sampler)) {
    throw new ConfigError('no such sampler', {
      code: 'sampler/unknown',
      where: 'sampler',
      expected: `one of ${subject.model.samplers.join(', ')}`,
      got: sampler.sampler,
    });
  }
  const times = (count: number, picture: Omit<PlannedPicture, 'seed'>): PlannedPicture[] =>
    Array.from({ length: count }, (_, i) => ({ ...picture, seed: seed + i }));

  const noun = settings.classNoun ?? subject.classNoun;
  const asked = templatesOf(subject, settings).map((template) => ({
    set: 'subject' as const,
    prompt: filled(template, subject.phrase),
    text: filled(template, noun ?? ''),
  }));
  const { classPrompt } = subject;
  const classPictures =
    classPrompt === undefined ? [] : times(numClassImages, { set: 'class', prompt: classPrompt });
  const unrelated = (settings.unrelatedPrompts ?? subject.unrelatedPrompts).flatMap((prompt) =>
    times(imagesPerUnrelatedPrompt, { set: 'unrelated', prompt }),
  );
  const beside = [...classPictures, ...unrelated];
  return {
    run: [...asked.flatMap((picture) => times(imagesPerPrompt, picture)), ...beside],
    base: subject.base === undefined ? [] : beside,
    sampler,
  };
}

function templatesOf(
  { prompts: own }: EvaluationSubject,
  { prompts: asked }: EvaluationSettings,
): readonly string[] {
  if (asked === 'object' || asked === 'live') {
    const set = DREAMBOOTH_PROMPTS[asked];
    return evaluationPrompts({ set, identifier: '', classNoun: '' }).map(({ template }) => template);
  }
  const templates = [...new Set(asked ?? own)];
  if (templates.length > 0) return templates;
  throw new ConfigError('nothing says what to show', {
    code: 'evaluation/no-prompts',
    expected: 'prompts with {} for the subject',
  });
}

/** An empty subject leaves no gap, and one with an article of its own needs no second. */
function filled(template: string, subject: string): string {
  const text = template.replaceAll('{}', subject).replaceAll(/\s+/g, ' ').trim();
  return /^(an?|the) /i.test(subject) ? text.replaceAll(/\ban? (?=(an?|the) )/gi, '') : text;
}

/** What a person would call most of the world: what teaching one subject should leave alone. */
export const UNRELATED_PROMPTS: readonly string[] = [
  'a photo of a mountain lake at sunrise',
  'a photo of a bowl of fruit on a table',
  'a photo of a red bicycle leaning on a wall',
  'a photo of an old stone bridge over a river',
  'a photo of a woman reading a newspaper in a cafe',
  'a photo of a sailing boat on the sea',
  'a photo of a city street at night in the rain',
  'an oil painting of a field of sunflowers',
  'a photo of a horse running through a meadow',
  'a photo of a wooden chair in an empty room',
];
