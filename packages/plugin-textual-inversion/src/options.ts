// Options of the method, each a flag.
import { ConfigError } from '@likeness/core';
import { z } from 'zod';

export const textualInversionOptions = z.strictObject({
  placeholderToken: z
    .string()
    .regex(/^\S+$/, 'one word')
    .optional()
    .meta({ description: 'new word for the subject; default: <IDENTIFIER>' }),
  initializerToken: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'word of one token that every vector starts as; default: the class noun' }),
  initializerText: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'text whose tokens the vectors start as, one after the other' }),
  initializerRandom: z
    .boolean()
    .default(false)
    .meta({ description: 'start from random vectors as long as those of the vocabulary' }),
  numVectors: z.int().positive().default(1).meta({ description: 'vectors of the new word' }),
  learnableProperty: z
    .enum(['object', 'style'])
    .default('object')
    .meta({ description: 'what the pictures have in common: prompts are worded for it' }),
  templates: z
    .array(z.string().regex(/\{\}/, 'a sentence with {} in the place of the new word'))
    .min(1)
    .optional()
    .meta({
      description: 'your own prompts with {} for the new word, in place of those for the learnable property',
      flag: 'template',
    }),
  shuffleCaptions: z
    .boolean()
    .default(false)
    .meta({ description: 'put the comma-separated parts of captions in another order every time' }),
  embeddingLearningRate: z
    .number()
    .positive()
    .optional()
    .meta({ description: "learning rate of the new word; default: the run's, beside other methods 5e-4" }),
});

export type TextualInversionOptions = z.output<typeof textualInversionOptions>;

/** Where the first values come from. */
export type Initializer =
  | { readonly kind: 'token'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'classNoun'; readonly text: string }
  | { readonly kind: 'random' };

/** @throws ConfigError when options contradict each other, or nothing says where to start */
export function initializerOf(
  {
    initializerToken,
    initializerText,
    initializerRandom,
  }: Pick<TextualInversionOptions, 'initializerToken' | 'initializerText' | 'initializerRandom'>,
  classNoun: string | undefined,
): Initializer {
  const given: Initializer[] = [];
  if (initializerToken !== undefined) given.push({ kind: 'token', text: initializerToken });
  if (initializerText !== undefined) given.push({ kind: 'text', text: initializerText });
  if (initializerRandom) given.push({ kind: 'random' });
  if (given.length > 1) {
    throw new ConfigError('the new word can start from one thing only', {
      code: 'embedding/initializer',
      expected: 'one of initializerToken, initializerText, initializerRandom',
      got: given.map(({ kind }) => kind).join(' and '),
    });
  }
  const [chosen] = given;
  if (chosen) return chosen;
  if (classNoun !== undefined) return { kind: 'classNoun', text: classNoun };
  throw new ConfigError('nothing says what the new word starts as', {
    code: 'embedding/initializer',
    expected:
      'classNoun (--class-noun dog), initializerToken (--initializer-token dog), initializerText or initializerRandom',
    got: 'none of them',
  });
}
