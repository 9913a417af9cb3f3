// The model and the pictures that come along, as paths: data like any other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// src/ and dist/ both lie beside model/ and subjects/.
const packageDir = fileURLToPath(new URL('..', import.meta.url));

/** The bundled model: a diffusers folder. */
export const modelDir: string = join(packageDir, 'model');

/** Judges that know the model's pictures, in transformers' layout: whose features tell individuals, CLIP, a classifier. */
export const judgeDirs: Readonly<Record<'dino' | 'clip' | 'classifier', string>> = {
  dino: join(packageDir, 'judges', 'dino'),
  clip: join(packageDir, 'judges', 'clip'),
  classifier: join(packageDir, 'judges', 'classifier'),
};

/** How the model is made: settings of `pipeline pretrain`. */
export const pretrainConfig: string = join(packageDir, 'pretrain.yaml');

/** How its judges are made: settings of `pipeline pretrain`. */
export const judgesConfig: string = join(packageDir, 'judges.yaml');

/** An example subject. */
export interface Subject {
  /** Folder with five pictures of it. */
  readonly instanceDataDir: string;
  /** What it is, in the model's vocabulary. */
  readonly classNoun: string;
}

interface SubjectFacts {
  readonly classNoun: string;
}

const facts = readJson('subjects', 'subjects.json') as Record<string, SubjectFacts>;

/** The example subjects by name. */
export const subjects: Readonly<Record<string, Subject>> = Object.fromEntries(
  Object.entries(facts).map(([name, { classNoun }]) => [
    name,
    { instanceDataDir: join(packageDir, 'subjects', name), classNoun },
  ]),
);

/** The words the model was trained on. */
export interface Vocabulary {
  readonly nouns: readonly string[];
  /** Those of the nouns that are animals. */
  readonly liveNouns: readonly string[];
  /** `on the beach` */
  readonly scenes: readonly string[];
  readonly colours: readonly string[];
  /** `on a {} background`, for any colour. */
  readonly backgrounds: readonly string[];
  /** Sentences around them: `a photo of a {}`. */
  readonly templates: readonly string[];
}

export const vocabulary: Vocabulary = readJson('vocabulary.json') as Vocabulary;

/** Colours a subject is asked for, and those that stand behind it. */
const PROMPT_COLOURS = ['green', 'purple', 'red', 'yellow', 'white'];
const PROMPT_BACKGROUNDS = ['yellow', 'blue', 'green', 'pink', 'white'];

/**
 * Evaluation prompts in the model's words, `{}` for the subject: 20 that take it elsewhere and 5 that change its colour,
 * as many as the DreamBooth paper has for objects. They stay near the sentence a subject is trained on ("a photo of sks
 * robot"): with an article before the colour less of the subject is left. Accessories, styles and viewpoints are not
 * among the model's words.
 */
export const evaluationPrompts: Readonly<Record<'recontext' | 'property', readonly string[]>> = {
  recontext: [
    ...vocabulary.scenes,
    ...PROMPT_BACKGROUNDS.flatMap((colour) =>
      vocabulary.backgrounds.map((background) => background.replaceAll('{}', colour)),
    ),
  ].map((place) => `a photo of {} ${place}`),
  property: PROMPT_COLOURS.map((colour) => `a photo of ${colour} {}`),
};

/** What a run takes when nobody names a subject. */
export const defaultSubject = 'robot';

/**
 * Five more pictures of an example subject, for measuring: never to be trained on.
 * @throws RangeError for a name that is no example subject
 */
export function furtherDir(name: string): string {
  const subject = subjects[name];
  if (subject === undefined) {
    throw new RangeError(`expected one of ${Object.keys(subjects).join(', ')}, got ${name}`);
  }
  return join(subject.instanceDataDir, 'further');
}

function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(packageDir, ...path), 'utf8'));
}
