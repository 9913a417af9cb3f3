// The paper's counts and words.
import { describe, expect, it } from 'vitest';
import { DREAMBOOTH_PROMPTS, evaluationPrompts, type SubjectKind } from './evaluationPrompts.ts';

const ofKind = (kind: SubjectKind): ReturnType<typeof evaluationPrompts> =>
  evaluationPrompts({ set: DREAMBOOTH_PROMPTS[kind], identifier: 'sks', classNoun: 'stuffed animal' });

const counts = (kind: SubjectKind): Record<string, number> =>
  Object.fromEntries(
    [...new Set(ofKind(kind).map(({ category }) => category))].map((name) => [
      name,
      ofKind(kind).filter(({ category }) => category === name).length,
    ]),
  );

describe('evaluation prompts', () => {
  it('are 25 a subject, as in the paper', () => {
    expect(counts('object')).toEqual({ recontext: 20, property: 5 });
    expect(counts('live')).toEqual({ recontext: 10, accessory: 10, property: 5 });
    for (const kind of ['object', 'live'] as const) {
      const prompts = ofKind(kind).map(({ prompt }) => prompt);
      expect(new Set(prompts).size).toBe(25);
      for (const prompt of prompts) expect(prompt).toMatch(/^a (?:\w+ )*sks stuffed animal/);
    }
  });

  it('have the words of google/dreambooth', () => {
    const objects = ofKind('object').map(({ prompt }) => prompt);
    expect([objects[0], objects[12], objects[24]]).toEqual([
      'a sks stuffed animal in the jungle',
      'a sks stuffed animal with the Eiffel Tower in the background',
      'a cube shaped sks stuffed animal',
    ]);
    const live = ofKind('live').map(({ prompt }) => prompt);
    expect([live[9], live[13], live[24]]).toEqual([
      'a sks stuffed animal on top of a purple rug in a forest',
      'a sks stuffed animal wearing a black top hat and a monocle',
      'a cube shaped sks stuffed animal',
    ]);
    expect(live.slice(0, 10)).toEqual(objects.slice(0, 10));
  });

  it('have other categories when asked for, in the order asked for', () => {
    const asked = evaluationPrompts({
      set: DREAMBOOTH_PROMPTS.live,
      categories: ['view', 'art'],
      identifier: 'sks',
      classNoun: 'dog',
    });
    expect(asked[0]).toEqual({
      category: 'view',
      template: 'a {} seen from the top',
      prompt: 'a sks dog seen from the top',
    });
    expect(asked.at(-1)?.prompt).toBe('a statue of a sks dog in the style of Michelangelo');
  });

  it('without identifier are those of the class', () => {
    const [first] = evaluationPrompts({
      set: DREAMBOOTH_PROMPTS.object,
      identifier: '',
      classNoun: 'teapot',
    });
    expect(first?.prompt).toBe('a teapot in the jungle');
  });

  it('are refused for a category the set lacks', () => {
    expect(() =>
      evaluationPrompts({
        set: DREAMBOOTH_PROMPTS.object,
        categories: ['accessory'],
        identifier: 'sks',
        classNoun: 'teapot',
      }),
    ).toThrow(/expected: recontext, property, art, view\n {2}got: accessory/);
  });
});
