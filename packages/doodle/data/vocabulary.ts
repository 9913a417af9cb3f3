// The words the pictures are captioned with, as data that is shipped: what a model trained on them understands.
import { FLAT_PHRASES, PLACES, SIZES, TEMPLATES } from './captions.ts';
import { NOUNS } from './catalog.ts';
import { COLOUR_WORDS } from './colours.ts';
import { UNSEEN_SCENES } from './heldOut.ts';
import { SCENES } from './scenes/index.ts';

/** The catalog names animals first. */
const LAST_ANIMAL = 'snail';

/** What `vocabulary.json` holds. */
export function vocabulary(): object {
  const nouns = NOUNS.map(({ noun }) => noun);
  return {
    templates: TEMPLATES,
    nouns,
    liveNouns: nouns.slice(0, nouns.indexOf(LAST_ANIMAL) + 1),
    colours: COLOUR_WORDS,
    sizes: SIZES,
    places: PLACES,
    scenes: Object.fromEntries(SCENES.map(({ name, phrases }) => [name, phrases])),
    flatBackgrounds: FLAT_PHRASES,
    unseenScenes: Object.fromEntries(UNSEEN_SCENES),
  };
}
