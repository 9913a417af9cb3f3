import { describe, expect, it } from 'vitest';
import { targetsOf } from './targets.ts';

const picture = (noun: string, scene: string, isSaid: boolean, drawing: string) => ({
  path: '',
  caption: isSaid ? `A ${noun} on the ${scene}` : `a ${noun}`,
  columns: { noun, scene, drawing },
});
const pictures = [
  picture('cat', 'beach', true, 'x1'),
  picture('dog', 'snow', true, 'x2'),
  picture('cat', 'snow', false, 'x1'),
  picture('dog', 'beach', true, 'x2'),
  picture('cat', 'beach', true, 'x1'),
  picture('dog', 'snow', true, 'x2'),
  picture('cat', 'snow', true, 'x1'),
  picture('dog', 'beach', true, 'x2'),
];
const said = (columns?: string[]) => targetsOf(pictures, columns);

describe('targets of captions', () => {
  it('are columns that captions say, where they say them', () => {
    const { targets, width, labelsOf } = said();
    expect(targets.map(({ name, first, values }) => [name, first, values])).toEqual([
      ['noun', 0, ['cat', 'dog']],
      ['scene', 2, ['beach', 'snow']],
    ]);
    expect(width).toBe(4);
    expect([...labelsOf([0, 1, 2])]).toEqual([1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0]);
  });

  it('are the columns somebody names, said or not', () => {
    expect([...said(['drawing']).labelsOf([2, 1])]).toEqual([1, 0, 0, 1]);
    expect(() => said(['colour'])).toThrow(
      /colour: no values[^]*one of drawing, noun, scene|one of noun, scene, drawing/,
    );
  });

  it('are words where there are no columns', () => {
    const bare = pictures.map(({ caption }) => ({ path: '', caption, columns: {} }));
    const { targets, labelsOf } = targetsOf(bare, undefined);
    expect(targets).toMatchObject([{ kind: 'words', first: 0 }]);
    const values = targets[0]!.values;
    const of = (number: number): string[] => values.filter((_, i) => labelsOf([number])[i] === 1).sort();
    expect(of(2)).toEqual(['a', 'cat']);
    expect(of(0)).toEqual(['a', 'beach', 'cat', 'on', 'the']);
  });
});
