// What training never sees: the drawings of the example subjects, everything that looks like them, and noun × scene
// pairs. The sets of `style` in drawingSets.ts are held out whole.
import { NOUNS, type DrawingId } from './catalog.ts';
import { SCENES } from './scenes/index.ts';

export interface HeldOutSubject {
  readonly name: string;
  readonly classNoun: string;
  readonly drawing: DrawingId;
  readonly live: boolean;
}

/** Subjects a user would bring: drawings of nouns that the model knows, each unlike the others of its noun. */
export const SUBJECTS: readonly HeldOutSubject[] = [
  { name: 'poodle', classNoun: 'dog', drawing: 'emojione:poodle', live: true },
  { name: 'puppy', classNoun: 'dog', drawing: 'noto:dog', live: true },
  { name: 'tuxedo-cat', classNoun: 'cat', drawing: 'emojione:cat', live: true },
  { name: 'clownfish', classNoun: 'fish', drawing: 'emojione:tropical-fish', live: true },
  { name: 'colourful-owl', classNoun: 'owl', drawing: 'emojione:owl', live: true },
  { name: 'green-snail', classNoun: 'snail', drawing: 'emojione:snail', live: true },
  { name: 'blue-elephant', classNoun: 'elephant', drawing: 'noto-v1:elephant', live: true },
  { name: 'blue-car', classNoun: 'car', drawing: 'noto-v1:automobile', live: false },
  { name: 'backpack', classNoun: 'backpack', drawing: 'emojione:backpack', live: false },
  { name: 'robot', classNoun: 'robot', drawing: 'twemoji:robot', live: false },
  { name: 'shoe', classNoun: 'shoe', drawing: 'emojione:running-shoe', live: false },
  { name: 'alarm-clock', classNoun: 'clock', drawing: 'noto-v1:alarm-clock', live: false },
  { name: 'pink-house', classNoun: 'house', drawing: 'emojione:house', live: false },
  { name: 'chocolate-cake', classNoun: 'cake', drawing: 'emojione:birthday-cake', live: false },
  { name: 'toy-rocket', classNoun: 'rocket', drawing: 'emojione:rocket', live: false },
];

/** How many scenes each noun is never trained in. */
const SCENES_KEPT_FROM_A_NOUN = 4;

/**
 * The scenes that training never shows a noun in, though it shows both with others: for measuring whether words are
 * combined or remembered. Spread evenly: every scene is kept from about as many nouns.
 */
export const UNSEEN_SCENES: ReadonlyMap<string, readonly string[]> = new Map(
  NOUNS.map(({ noun }, i) => [
    noun,
    Array.from({ length: SCENES_KEPT_FROM_A_NOUN }, (_, k) => {
      const scene =
        SCENES[(i * SCENES_KEPT_FROM_A_NOUN + k * 9 + Math.floor(i / SCENES.length)) % SCENES.length];
      return scene?.name ?? '';
    }),
  ]),
);

export function isUnseen(noun: string, scene: string): boolean {
  return UNSEEN_SCENES.get(noun)?.includes(scene) ?? false;
}
