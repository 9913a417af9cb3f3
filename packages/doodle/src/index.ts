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

/** How it is trained further, from its own weights: settings of `pipeline pretrain`. */
export const furtherConfig: string = join(packageDir, 'further.yaml');

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

/** What a way of drawing is called: a word of the model's templates. */
const STYLE_NOUN = 'drawing';

/**
 * Two drawing sets that training never saw, as subjects of their own: five pictures of different things each, drawn in
 * one way.
 */
export const styles: Readonly<Record<string, Subject>> = Object.fromEntries(
  ['fluent-emoji-high-contrast', 'streamline-emojis'].map((name) => [
    name,
    { instanceDataDir: join(packageDir, 'subjects', 'styles', name), classNoun: STYLE_NOUN },
  ]),
);

/** The words the model was trained on. */
export interface Vocabulary {
  readonly nouns: readonly string[];
  /** Those of the nouns that are animals. */
  readonly liveNouns: readonly string[];
  /** Scene → what captions say of it: `beach` → `on the beach`, `at the beach`. */
  readonly scenes: Readonly<Record<string, readonly string[]>>;
  readonly colours: readonly string[];
  /** `on a COLOUR background`, for any colour. */
  readonly flatBackgrounds: readonly string[];
  readonly sizes: readonly string[];
  readonly places: Readonly<Record<string, string>>;
  /** Sentences around them: `a photo of {}`. */
  readonly templates: readonly string[];
  /** Noun → scenes it was never trained in. */
  readonly unseenScenes: Readonly<Record<string, readonly string[]>>;
}

export const vocabulary: Vocabulary = readJson('vocabulary.json') as Vocabulary;

/** Where subjects are taken, and the colours they are asked for and that stand behind them. */
const PROMPT_SCENES = [
  ...['beach', 'snow', 'grass', 'night', 'brick wall', 'wooden table', 'water', 'desert', 'forest', 'city'],
  ...['sunset', 'mountains', 'room', 'checkered tablecloth', 'space'],
];
const PROMPT_COLOURS = ['green', 'purple', 'red', 'yellow', 'white'];
const PROMPT_BACKGROUNDS = ['yellow', 'blue', 'green', 'pink', 'white'];

/**
 * Evaluation prompts in the model's words, `{}` for the subject: 20 that take it elsewhere and 5 that change its colour,
 * as many as the DreamBooth paper has for objects. They stay near the sentence a subject is trained on ("a photo of sks
 * robot"): with an article before the colour more of the colour comes and less of the subject is left. Accessories, styles and viewpoints are not
 * among the model's words.
 */
export const evaluationPrompts: Readonly<Record<'recontext' | 'property', readonly string[]>> = {
  recontext: [
    ...PROMPT_SCENES.flatMap((scene) => vocabulary.scenes[scene]?.slice(0, 1) ?? []),
    ...PROMPT_BACKGROUNDS.map((colour) => `on a ${colour} background`),
  ].map((place) => `a photo of {} ${place}`),
  property: PROMPT_COLOURS.map((colour) => `a photo of ${colour} {}`),
};

/** What a run takes when nobody names a subject. */
export const defaultSubject = 'robot';

/**
 * Five more pictures of an example subject, or of a style, for measuring: never to be trained on.
 * @throws RangeError for a name that is neither
 */
export function furtherDir(name: string): string {
  const known = { ...subjects, ...styles };
  const subject = known[name];
  if (subject === undefined) {
    throw new RangeError(`expected one of ${Object.keys(known).join(', ')}, got ${name}`);
  }
  return join(subject.instanceDataDir, 'further');
}

function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(packageDir, ...path), 'utf8'));
}
