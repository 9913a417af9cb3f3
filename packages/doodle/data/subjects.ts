// Pictures of the held-out subjects as a user's photos would be: other places, distances, sides and light; and of the
// two held-out styles. Five to learn from, five more for measuring.
import { chanceOf, shuffled, type Chance } from './chance.ts';
import { NOUNS, type DrawingId } from './catalog.ts';
import { DRAWING_SETS, drawingSet } from './drawingSets.ts';
import { SUBJECTS, type HeldOutSubject } from './heldOut.ts';
import type { Layout } from './layout.ts';
import { SCENE_VARIANTS, type Background, type PicturePlan } from './plan.ts';
import { SCENES } from './scenes/index.ts';
import { GROUND } from './scenes/scene.ts';

export const INSTANCE_PICTURES = 5;
export const FURTHER_PICTURES = 5;
export const SUBJECT_SIZE_PX = 256;

/** Places that people take pictures in; flat colours beside them, since backgrounds are cut away, too. */
const PHOTO_SCENES = [
  'beach',
  'snow',
  'grass',
  'brick wall',
  'wooden table',
  'city',
  'room',
  'mountains',
  'autumn',
  'kitchen',
  'checkered tablecloth',
  'flowers',
  'carpet',
] as const;
const PHOTO_FLATS = ['white', 'purple', 'yellow'] as const;
const SUBJECT_SEED = 7;

/** All pictures of a subject: the first five to learn from, the others for measuring. No two in one place. */
export function subjectPlans(subject: HeldOutSubject): PicturePlan[] {
  const places: readonly string[] = [...PHOTO_SCENES, ...PHOTO_FLATS];
  const order = shuffled(SUBJECT_SEED, `subject/${subject.name}`, 0, places.length);
  return Array.from({ length: INSTANCE_PICTURES + FURTHER_PICTURES }, (_, i) => {
    const chance = chanceOf(SUBJECT_SEED, `subject/${subject.name}`, i + 1);
    return photo(subject.classNoun, subject.drawing, places[order[i] ?? 0] ?? '', i, chance);
  });
}

/** Pictures of six nouns in a held-out style: what a method learns the style from. */
export function stylePlans(setId: string): PicturePlan[] {
  const drawings = NOUNS.flatMap(({ noun, inStyles }) =>
    inStyles.filter((id) => id.startsWith(`${setId}:`)).map((id) => [noun, id] as const),
  );
  const order = shuffled(SUBJECT_SEED, `style/${setId}`, 0, drawings.length);
  return [...order].slice(0, INSTANCE_PICTURES + FURTHER_PICTURES).map((which, i) => {
    const [noun = '', drawing = ''] = drawings[which] ?? [];
    const chance = chanceOf(SUBJECT_SEED, `style/${setId}`, i + 1);
    return photo(noun, drawing, PHOTO_FLATS[i % 2 === 0 ? 0 : 2], i, chance);
  });
}

export const STYLES = DRAWING_SETS.filter(({ use }) => use === 'style');

/** What `subjects.json` says of each subject. */
export function subjectFacts(): Record<string, object> {
  return Object.fromEntries(
    SUBJECTS.map(({ name, classNoun, drawing, live }) => {
      const { npm, author, licence } = drawingSet(drawing.split(':')[0] ?? '');
      return [name, { classNoun, live, drawing, drawingFrom: npm, author, licence }];
    }),
  );
}

function photo(noun: string, drawing: DrawingId, place: string, number: number, chance: Chance): PicturePlan {
  const scene = SCENES.find(({ name }) => name === place);
  const background: Background =
    scene === undefined
      ? { flat: PHOTO_FLATS.find((flat) => flat === place) ?? 'white', shade: [0, 0, 0] }
      : { scene, variant: chance.whole(0, SCENE_VARIANTS - 1), mirrored: chance.happens(0.5) };
  const standing = scene?.footing === 'stand';
  const layout = photoLayout(number, standing, scene?.ground ?? GROUND, chance);
  return { text: '', noun, drawing, background, sceneNamed: false, layout };
}

/** From far, from near, and one too near: its edges are cut off. Distances go round, the rest is drawn. */
function photoLayout(
  number: number,
  standing: boolean,
  [high, low]: readonly [number, number],
  chance: Chance,
): Layout {
  const scale = [0.78, 0.6, 0.88, 0.7, 1.06][number % 5] ?? 0.78;
  const near = scale > 1;
  const aside = near ? 0.03 : (1 - scale) * 0.4;
  const brightness = chance.between(0.9, 1.08);
  const warmth = chance.between(-0.05, 0.05);
  return {
    scale: scale + chance.between(-0.03, 0.03),
    x: 0.5 + chance.between(-aside, aside),
    y: near
      ? 0.54
      : standing
        ? Math.min(0.98, Math.max(chance.between(high, low) / 100, scale - 0.02))
        : 0.5 + chance.between(-aside, aside) * 0.6,
    standing: standing && !near,
    degrees: chance.between(-7, 7),
    mirrored: chance.happens(0.4),
    exposure: [brightness * (1 + warmth), brightness, brightness * (1 - warmth)],
  };
}
