// What the new word is called, and the prompts its pictures are learned with.
import {
  ConfigError,
  createRng,
  subjectPrompts,
  type InstancePrompts,
  type Rng,
  type SetupContext,
  type SubjectPrompts,
} from '@likeness/core';
import type { TextualInversionOptions } from './options.ts';
import { OBJECT_TEMPLATES, STYLE_TEMPLATES } from './templates.ts';

/** Orders drawn for each caption when its parts are shuffled. */
const ORDERS_PER_CAPTION = 16;

export interface PlaceholderPrompts {
  /** The new word. */
  readonly word: string;
  /** How the run calls the subject. */
  readonly prompts: Partial<SubjectPrompts>;
  readonly instancePrompts: InstancePrompts;
}

/**
 * Prompts of a run. An instance prompt that holds the new word is the only template then; a caption that holds it is
 * used as it is, others follow after a template (`a photo of a <sks>, on a table`).
 * @throws ConfigError when there is no word, or the instance prompt does not hold it
 */
export function placeholderPrompts(
  options: Pick<
    TextualInversionOptions,
    'placeholderToken' | 'learnableProperty' | 'templates' | 'shuffleCaptions'
  >,
  { prompts, seed }: Pick<SetupContext, 'prompts' | 'seed'>,
): PlaceholderPrompts {
  const { identifier, classNoun, instancePrompt } = prompts;
  const word = options.placeholderToken ?? (identifier === undefined ? undefined : `<${identifier}>`);
  if (word === undefined) {
    throw new ConfigError('the new word has no name', {
      code: 'embedding/no-word',
      expected: 'placeholderToken (--placeholder-token "<my-dog>"), or an identifier in the instance prompt',
      got: `instance prompt "${instancePrompt}"`,
    });
  }
  const holdsWord = instancePrompt.includes(word);
  const madeByCore =
    identifier !== undefined &&
    classNoun !== undefined &&
    instancePrompt === subjectPrompts({ identifier, classNoun })?.instancePrompt;
  if (!holdsWord && !madeByCore) {
    throw new ConfigError('the instance prompt does not hold the new word', {
      code: 'embedding/prompt-without-word',
      expected: `a prompt with ${word}, or none: then templates are used`,
      got: `"${instancePrompt}"`,
    });
  }
  const own = options.learnableProperty === 'style' ? STYLE_TEMPLATES : OBJECT_TEMPLATES;
  const templates = options.templates ?? own;
  const sentences = holdsWord
    ? [instancePrompt]
    : templates.map((template) => template.replaceAll('{}', word));
  return {
    word,
    prompts: { identifier: word, instancePrompt: sentences[0] ?? word },
    instancePrompts: ({ caption }) => {
      if (caption === undefined) return sentences;
      const captions = options.shuffleCaptions ? shuffledCaptions(caption, createRng(seed)) : [caption];
      if (caption.includes(word)) return captions;
      // As many prompts as the longer list has: all sentences with all orders would be no other mixture.
      return Array.from(
        { length: Math.max(sentences.length, captions.length) },
        (_, i) => `${sentences[i % sentences.length]}, ${captions[i % captions.length]}`,
      );
    },
  };
}

function shuffledCaptions(caption: string, rng: Rng): string[] {
  const parts = caption.split(',').map((part) => part.trim());
  const orders = Array.from({ length: ORDERS_PER_CAPTION }, (_, i) =>
    [...rng.stream(`caption.${caption}`, 0, i).shuffle(parts.length)].map((at) => parts[at]).join(', '),
  );
  return [...new Set(orders)];
}
