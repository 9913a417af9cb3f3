// Decides what picture number i of a split shows, without drawing anything: (seed, split, i) is all it depends on, so
// pictures can be made in any order, by any number of workers, and again.
import { chanceOf, shuffled, type Chance } from './chance.ts';
import { caption, flatPhrase, FLAT_PHRASES, SIZES, TEMPLATES, type Place, type Size } from './captions.ts';
import { NOUNS, nounNamed, type DrawingId, type Noun } from './catalog.ts';
import { COLOUR_WORDS, type ColourWord } from './colours.ts';
import { isUnseen, SUBJECTS, UNSEEN_SCENES } from './heldOut.ts';
import { layOut, type Layout } from './layout.ts';
import { SCENES } from './scenes/index.ts';
import type { Scene } from './scenes/scene.ts';

/** `train`; `heldout`: drawings that training never sees; `combos`: nouns in scenes they are never trained in. */
export const SPLITS = ['train', 'heldout', 'combos'] as const;
export type Split = (typeof SPLITS)[number];

export type Background =
  | { readonly scene: Scene; readonly variant: number; readonly mirrored: boolean }
  | { readonly flat: ColourWord; readonly shade: readonly [number, number, number] };

export interface PicturePlan {
  readonly text: string;
  readonly noun: string;
  readonly drawing: DrawingId;
  readonly background: Background;
  /** The scene is in the text. */
  readonly sceneNamed: boolean;
  /** The thing was given this colour, and the text says so. */
  readonly colour?: ColourWord;
  readonly size?: Size;
  readonly place?: Place;
  readonly layout: Layout;
}

/** How often captions ask for what is hard to learn. */
export interface Shares {
  /** The thing has another colour than its drawing, and the caption names it. */
  readonly recoloured: number;
  /** The caption says small or large. */
  readonly sized: number;
  /** Nouns that come once more in every round of the nouns, for each time they are named here. */
  readonly often: readonly string[];
}

export const USUAL_SHARES: Shares = { recoloured: 0.3, sized: 0.2, often: [] };

/** How many drawings of each scene there are; mirrored, twice as many. */
export const SCENE_VARIANTS = 96;

const FLAT_SHARE = 0.25;
const SCENE_NAMED_SHARE = 0.8;
const PLACED_SHARE = 0.15;
const USUAL_TEMPLATES = 4;

/** Drawings of the held-out split: those of the subjects, and the sets held out whole. */
export const HELD_OUT_DRAWINGS: readonly (readonly [noun: string, drawing: DrawingId])[] = [
  ...SUBJECTS.map(({ classNoun, drawing }) => [classNoun, drawing] as const),
  ...NOUNS.flatMap(({ noun, inStyles }) => inStyles.map((drawing) => [noun, drawing] as const)),
];

/** The plan of one picture. */
export function planPicture(
  seed: number,
  split: Split,
  index: number,
  shares: Shares = USUAL_SHARES,
): PicturePlan {
  const chance = chanceOf(seed, split, index);
  const [noun, drawing] = chooseDrawing(seed, split, index, shares.often, chance);
  const colour =
    split !== 'heldout' && chance.happens(shares.recoloured) ? chance.pick(COLOUR_WORDS) : undefined;
  const background = chooseBackground(split, noun, colour, chance);
  const sceneNamed = split === 'combos' || chance.happens(SCENE_NAMED_SHARE);
  const size = chance.happens(shares.sized) ? chance.pick(SIZES) : undefined;
  const place =
    size !== 'large' && chance.happens(PLACED_SHARE) ? choosePlace(background, chance) : undefined;
  const text = caption({
    template: chance.happens(0.75)
      ? chance.pick(TEMPLATES.slice(0, USUAL_TEMPLATES))
      : chance.pick(TEMPLATES),
    noun: noun.noun,
    ...given({ size, colour, place }),
    ...(sceneNamed ? { scenePhrase: phraseFor(background, chance) } : {}),
  });
  return {
    text,
    noun: noun.noun,
    drawing,
    background,
    sceneNamed,
    ...given({ colour, size, place }),
    layout: layOut(chance, 'scene' in background ? background.scene : undefined, noun.flies, size, place),
  };
}

/** The scene's name, or "red background". */
export function sceneColumn(background: Background): string {
  return 'scene' in background ? background.scene.name : `${background.flat} background`;
}

/** Every round of as many pictures as there are nouns, with those said to come often, has each once (held-out: drawings). */
function chooseDrawing(
  seed: number,
  split: Split,
  index: number,
  often: readonly string[],
  chance: Chance,
): readonly [Noun, DrawingId] {
  const choices = split === 'heldout' ? HELD_OUT_DRAWINGS.length : NOUNS.length + often.length;
  const order = shuffled(seed, `${split}/order`, Math.floor(index / choices), choices);
  const choice = order[index % choices] ?? 0;
  if (split === 'heldout') {
    const [noun = '', drawing = ''] = HELD_OUT_DRAWINGS[choice] ?? [];
    return [nounNamed(noun), drawing];
  }
  const noun = NOUNS[choice] ?? nounNamed(often[choice - NOUNS.length] ?? '');
  return [noun, chance.pick(noun.drawings)];
}

function chooseBackground(
  split: Split,
  { noun }: Noun,
  colour: ColourWord | undefined,
  chance: Chance,
): Background {
  if (split !== 'combos' && chance.happens(FLAT_SHARE)) {
    // A red apple on red would teach nothing but to make things invisible.
    const flat = chance.pick(COLOUR_WORDS.filter((word) => word !== colour));
    const jitter = (range: number): number => chance.between(-range, range);
    return { flat, shade: [jitter(0.035), jitter(0.012), jitter(0.012)] };
  }
  const unseen = UNSEEN_SCENES.get(noun) ?? [];
  const open = SCENES.filter(({ name }) =>
    split === 'combos' ? unseen.includes(name) : !isUnseen(noun, name),
  );
  return {
    scene: chance.pick(open),
    variant: chance.whole(0, SCENE_VARIANTS - 1),
    mirrored: chance.happens(0.5),
  };
}

/** Nothing hangs in the upper half of a beach: top and bottom are for places without ground. */
function choosePlace(background: Background, chance: Chance): Place {
  const grounded = 'scene' in background && ['stand', 'wade'].includes(background.scene.footing);
  return chance.pick<Place>(grounded ? ['left', 'right'] : ['left', 'right', 'top', 'bottom']);
}

function phraseFor(background: Background, chance: Chance): string {
  if ('flat' in background) return flatPhrase(usual(FLAT_PHRASES, chance), background.flat);
  return usual(background.scene.phrases, chance);
}

/** The first of the phrases three times in four. */
function usual(phrases: readonly [string, ...string[]], chance: Chance): string {
  return chance.happens(0.75) ? phrases[0] : chance.pick(phrases);
}

/** Leaves out what is undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
