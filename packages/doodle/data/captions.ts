// The words of a picture. What a caption does not say (a scene that is not named) is still in the columns.
import type { ColourWord } from './colours.ts';

/** `{}` is the thing with its article. The first four are what people type most, and come more often. */
export const TEMPLATES = [
  '{}',
  'a photo of {}',
  'a picture of {}',
  'a drawing of {}',
  'an image of {}',
  'an illustration of {}',
  'a cartoon of {}',
] as const;

export const SIZES = ['small', 'large'] as const;
export type Size = (typeof SIZES)[number];

/** Where in the frame, as a caption says it. */
export const PLACES = {
  left: 'on the left',
  right: 'on the right',
  top: 'at the top',
  bottom: 'at the bottom',
} as const;
export type Place = keyof typeof PLACES;

/** `COLOUR` stands for the word. */
export const FLAT_PHRASES = ['on a COLOUR background', 'against a COLOUR background'] as const;

export interface CaptionParts {
  readonly template: string;
  readonly noun: string;
  readonly size?: Size;
  readonly colour?: ColourWord;
  /** The scene's words, where it is named. */
  readonly scenePhrase?: string;
  readonly place?: Place;
}

/** "a drawing of a small red car on the beach, on the left" */
export function caption({ template, noun, size, colour, scenePhrase, place }: CaptionParts): string {
  const thing = [size, colour, noun].filter((word) => word !== undefined).join(' ');
  const named = template.replace('{}', `${articleFor(thing)} ${thing}`);
  const scene = scenePhrase === undefined ? '' : ` ${scenePhrase}`;
  return `${named}${scene}${place === undefined ? '' : `, ${PLACES[place]}`}`;
}

/** "on a red background", "against an orange background". */
export function flatPhrase(phrase: string, colour: ColourWord): string {
  return phrase.replace('a COLOUR', `${articleFor(colour)} ${colour}`);
}

function articleFor(words: string): string {
  return /^[aeiou]/.test(words) ? 'an' : 'a';
}
