// What pictures show, without drawing them: the promises a dataset's columns make.
import { describe, expect, it } from 'vitest';

import { PLACES } from './captions.ts';
import { NOUNS } from './catalog.ts';
import { columnsOf } from './dataset.ts';
import { SUBJECTS, UNSEEN_SCENES } from './heldOut.ts';
import {
  HELD_OUT_DRAWINGS,
  planPicture,
  SPLITS,
  USUAL_SHARES,
  type PicturePlan,
  type Split,
} from './plan.ts';
import { SCENES } from './scenes/index.ts';
import { STYLES } from './subjects.ts';

const COUNT = 3000;
const plans = Object.fromEntries(
  SPLITS.map((split) => [split, Array.from({ length: COUNT }, (_, i) => planPicture(1, split, i))]),
) as Record<Split, PicturePlan[]>;

describe('planPicture', () => {
  it('depends on seed, split and number alone', () => {
    expect(planPicture(1, 'train', 1234)).toEqual(plans.train[1234]);
    expect(planPicture(2, 'train', 1234)).not.toEqual(plans.train[1234]);
    expect(planPicture(1, 'combos', 1234)).not.toEqual(plans.train[1234]);
  });

  it.each(SPLITS)('says in the text of %s what the columns say, and nothing else', (split) => {
    for (const [i, plan] of plans[split].entries()) {
      const { text, noun, scene, scene_named, colour, size, place } = columnsOf(i, plan);
      const thing = [size, colour, noun].filter((word) => word !== null).join(' ');
      expect(text).toMatch(new RegExp(`(^|of )${/^[aeiou]/.test(thing) ? 'an' : 'a'} ${thing}(?= |,|$)`));
      expect(place === null || text.endsWith(`, ${PLACES[place as keyof typeof PLACES]}`)).toBe(true);
      const rest = text
        .slice(text.search(new RegExp(`\\b${thing}\\b`)) + thing.length)
        .replace(/, (on the (left|right)|at the (top|bottom))$/, '');
      expect(rest !== '').toBe(scene_named);
      const phrases = SCENES.find(({ name }) => name === scene)?.phrases;
      if (scene_named && phrases) expect(phrases).toContain(rest.trim());
      if (scene_named && !phrases) expect(rest).toMatch(new RegExp(`(on|against) an? ${scene}$`));
    }
  });

  it('shows every noun equally often, and every drawing of it', () => {
    const counts = new Map<string, number>();
    for (const { noun } of plans.train) counts.set(noun, (counts.get(noun) ?? 0) + 1);
    expect(new Set(counts.values())).toEqual(new Set([COUNT / NOUNS.length]));
    expect(new Set(plans.train.map(({ drawing }) => drawing)).size).toBe(
      NOUNS.flatMap(({ drawings }) => drawings).length,
    );
  });

  it('asks for other colours and for sizes as often as it is told to', () => {
    const shares = { ...USUAL_SHARES, recoloured: 0.85, sized: 0.35 };
    const others = Array.from({ length: 1000 }, (_, i) => planPicture(1, 'train', i, shares));
    expect(others.filter(({ colour }) => colour).length / 1000).toBeCloseTo(shares.recoloured, 1);
    expect(others.filter(({ size }) => size).length / 1000).toBeCloseTo(shares.sized, 1);
  });

  it('shows nouns once more in every round for each time they are said to come often', () => {
    const shares = { ...USUAL_SHARES, often: ['dog', 'dog', 'ball'] };
    const round = Array.from({ length: NOUNS.length + 3 }, (_, i) => planPicture(1, 'train', i, shares));
    const times = (name: string) => round.filter(({ noun }) => noun === name).length;
    expect([times('dog'), times('ball'), times('cat')]).toEqual([3, 2, 1]);
    expect(new Set(round.map(({ noun }) => noun)).size).toBe(NOUNS.length);
  });

  it('never gives a thing the colour of the flat ground behind it', () => {
    for (const { colour, background } of plans.train) {
      if ('flat' in background) expect(background.flat).not.toBe(colour);
    }
  });
});

describe('what is held out', () => {
  const heldOut = new Set(HELD_OUT_DRAWINGS.map(([, drawing]) => drawing));
  const styleSets = new Set(STYLES.map(({ id }) => id));

  it('is in the held-out split and in no other', () => {
    for (const split of ['train', 'combos'] as const) {
      for (const { drawing } of plans[split]) {
        expect(heldOut.has(drawing)).toBe(false);
        expect(styleSets.has(drawing.split(':')[0] ?? '')).toBe(false);
      }
    }
    expect(new Set(plans.heldout.map(({ drawing }) => drawing))).toEqual(heldOut);
  });

  it('has at least ten subjects, live ones and objects, of nouns that are trained', () => {
    expect(SUBJECTS.filter(({ live }) => live).length).toBeGreaterThanOrEqual(5);
    expect(SUBJECTS.filter(({ live }) => !live).length).toBeGreaterThanOrEqual(5);
    const nouns = new Set(NOUNS.map(({ noun }) => noun));
    for (const { classNoun } of SUBJECTS) expect(nouns).toContain(classNoun);
  });

  it('is an eighth of all noun and scene pairs, spread evenly', () => {
    const kept = [...UNSEEN_SCENES.values()].flat();
    expect(kept.length / (NOUNS.length * SCENES.length)).toBeGreaterThan(0.1);
    for (const { name } of SCENES) {
      const nouns = kept.filter((scene) => scene === name).length;
      expect(nouns).toBeGreaterThanOrEqual(5);
      expect(nouns).toBeLessThanOrEqual(8);
    }
  });

  it('in pairs: training never shows them, the combos split nothing else', () => {
    const unseen = ({ noun, background }: PicturePlan): boolean =>
      'scene' in background && (UNSEEN_SCENES.get(noun) ?? []).includes(background.scene.name);
    expect(plans.train.filter(unseen)).toEqual([]);
    expect(plans.combos.every(unseen)).toBe(true);
    expect(plans.combos.every(({ sceneNamed }) => sceneNamed)).toBe(true);
  });
});
