// The sentences a run trains on, made from identifier and class noun unless they are spelled out.
import type { SubjectPrompts } from '../contracts.ts';
import type { Config } from './schema.ts';

/**
 * The prompts of a run: "a photo of sks dog" for the subject, "a photo of a dog" for its class
 * (Ruiz et al. 2022, section 3.2, with the wording of diffusers' examples).
 * Undefined when neither an instance prompt nor a class noun is given: nothing names the subject then.
 */
export function subjectPrompts(
  config: Pick<Config, 'identifier' | 'classNoun' | 'instancePrompt' | 'classPrompt'>,
): SubjectPrompts | undefined {
  const { identifier, classNoun } = config;
  const instancePrompt =
    config.instancePrompt ?? (classNoun === undefined ? undefined : `a photo of ${identifier} ${classNoun}`);
  if (instancePrompt === undefined) return undefined;
  const classPrompt =
    config.classPrompt ??
    (classNoun === undefined ? undefined : `a photo of ${articleFor(classNoun)} ${classNoun}`);
  return {
    // A spelled-out prompt that does not hold the identifier names the subject some other way.
    ...(instancePrompt.split(/\s+/).includes(identifier) ? { identifier } : {}),
    ...(classNoun === undefined ? {} : { classNoun }),
    instancePrompt,
    ...(classPrompt === undefined ? {} : { classPrompt }),
  };
}

/** Sample prompts when none are given: the subject, the subject somewhere else, and its class, where drift shows. */
export function defaultSamplePrompts({ instancePrompt, classPrompt }: SubjectPrompts): string[] {
  return [
    instancePrompt,
    `${instancePrompt} on the beach`,
    ...(classPrompt === undefined ? [] : [classPrompt]),
  ];
}

function articleFor(noun: string): string {
  return /^[aeiou]/i.test(noun) ? 'an' : 'a';
}
