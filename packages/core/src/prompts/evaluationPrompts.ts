// Prompts that show whether a learned subject can still be taken elsewhere: DreamBooth's own, and how to fill in a subject.
// Ruiz et al. 2022 (arXiv 2208.12242): 25 for each subject, of which recontext, accessory and property are word for word
// those of google/dreambooth, dataset/prompts_and_classes.txt.
import { ConfigError } from '../errors.ts';

export const PROMPT_CATEGORIES = ['recontext', 'accessory', 'property', 'art', 'view'] as const;
export type PromptCategory = (typeof PROMPT_CATEGORIES)[number];

/** The paper asks other things of dogs and cats than of objects. */
export type SubjectKind = 'object' | 'live';

/** Sentences by category; `{}` is where the subject goes: `a {} in the jungle`. */
export type PromptSet = Readonly<Partial<Record<PromptCategory, readonly string[]>>>;

export interface EvaluationPrompt {
  readonly category: PromptCategory;
  /** `a {} in the jungle` */
  readonly template: string;
  /** `a sks dog in the jungle` */
  readonly prompt: string;
}

export interface EvaluationPromptOptions {
  readonly set: PromptSet;
  /** Default: the categories that make up the paper's 25. */
  readonly categories?: readonly PromptCategory[];
  readonly identifier: string;
  readonly classNoun: string;
}

/** What the paper measures with: 25 prompts a subject. */
const MEASURED: readonly PromptCategory[] = ['recontext', 'accessory', 'property'];

/**
 * A set's prompts for a subject, by category in the order asked for.
 * Without identifier (an empty text) they are those of the class, as text-image similarity compares with.
 * @throws ConfigError for a category the set has no prompts in
 */
export function evaluationPrompts({
  set,
  categories = MEASURED.filter((category) => set[category] !== undefined),
  identifier,
  classNoun,
}: EvaluationPromptOptions): EvaluationPrompt[] {
  const subject = [identifier, classNoun].filter(Boolean).join(' ');
  return categories.flatMap((category) => {
    const templates = set[category];
    if (templates === undefined) {
      throw new ConfigError('there are no prompts in this category', {
        code: 'prompt/no-such-category',
        expected: PROMPT_CATEGORIES.filter((known) => set[known] !== undefined).join(', '),
        got: category,
      });
    }
    return templates.map((template) => ({
      category,
      template,
      prompt: template.replaceAll('{}', subject),
    }));
  });
}

const PLACES_OF_BOTH = [
  'a {} in the jungle',
  'a {} in the snow',
  'a {} on the beach',
  'a {} on a cobblestone street',
  'a {} on top of pink fabric',
  'a {} on top of a wooden floor',
  'a {} with a city in the background',
  'a {} with a mountain in the background',
  'a {} with a blue house in the background',
  'a {} on top of a purple rug in a forest',
];

const PLACES_OF_OBJECTS = [
  'a {} with a wheat field in the background',
  'a {} with a tree and autumn leaves in the background',
  'a {} with the Eiffel Tower in the background',
  'a {} floating on top of water',
  'a {} floating in an ocean of milk',
  'a {} on top of green grass with sunflowers around it',
  'a {} on top of a mirror',
  'a {} on top of the sidewalk in a crowded street',
  'a {} on top of a dirt road',
  'a {} on top of a white rug',
];

const ACCESSORIES = [
  'a {} wearing a red hat',
  'a {} wearing a santa hat',
  'a {} wearing a rainbow scarf',
  'a {} wearing a black top hat and a monocle',
  'a {} in a chef outfit',
  'a {} in a firefighter outfit',
  'a {} in a police outfit',
  'a {} wearing pink glasses',
  'a {} wearing a yellow shirt',
  'a {} in a purple wizard outfit',
];

const PROPERTIES = ['a red {}', 'a purple {}', 'a shiny {}', 'a wet {}', 'a cube shaped {}'];

/**
 * Section 4.4, "Art renditions": "a painting of a [V] [class noun] in the style of [famous painter]", "a statue of a …
 * in the style of [famous sculptor]", with the artists of its figure.
 */
const ART = [
  'a painting of a {} in the style of Vincent van Gogh',
  'a painting of a {} in the style of Rembrandt',
  'a painting of a {} in the style of Johannes Vermeer',
  'a painting of a {} in the style of Pierre-Auguste Renoir',
  'a painting of a {} in the style of Leonardo da Vinci',
  'a statue of a {} in the style of Michelangelo',
];

/** The viewpoints of the figure "Text-guided view synthesis"; it names them, the sentence is ours. */
const VIEWS = [
  'a {} seen from the top',
  'a {} seen from the bottom',
  'a {} seen from the side',
  'a {} seen from the back',
];

/** DreamBooth's prompts: 20 + 5 for objects, 10 + 10 + 5 for live subjects; art and view come besides. */
export const DREAMBOOTH_PROMPTS: Readonly<Record<SubjectKind, PromptSet>> = {
  object: {
    recontext: [...PLACES_OF_BOTH, ...PLACES_OF_OBJECTS],
    property: PROPERTIES,
    art: ART,
    view: VIEWS,
  },
  live: { recontext: PLACES_OF_BOTH, accessory: ACCESSORIES, property: PROPERTIES, art: ART, view: VIEWS },
};
