// What captions are asked for: columns of the data with few values, or the words of captions.
import { DataError } from '@likeness/core';
import type { CaptionedPicture } from '../data/captionedPictures.ts';

/** A part of the labels. */
export interface Target {
  readonly name: string;
  /** One value of a column, or which words there are. */
  readonly kind: 'column' | 'words';
  /** Where it begins in a row of labels. */
  readonly first: number;
  readonly values: readonly string[];
}

export interface Targets {
  readonly targets: readonly Target[];
  /** Labels in a row. */
  readonly width: number;
  /** Rows of zeros and ones. */
  labelsOf(numbers: readonly number[]): Float32Array;
}

/** A column with more values than this names single pictures rather than kinds of them. */
const MOST_VALUES = 500;
/** The most frequent words of captions. */
const MOST_WORDS = 500;
const WORDS = 'words';

/**
 * @param known the values of the named columns, where somebody has decided on them
 * @throws DataError for a named column that the data do not have, or that has one value or too many
 */
export function targetsOf(
  pictures: readonly CaptionedPicture[],
  named: readonly string[] | undefined,
  known?: Readonly<Record<string, readonly string[]>>,
): Targets {
  const valuesOf = new Map<string, Set<string>>();
  for (const { columns } of pictures) {
    for (const [column, value] of Object.entries(columns)) {
      const values = valuesOf.get(column) ?? new Set();
      if (value !== '') values.add(value);
      valuesOf.set(column, values);
    }
  }
  const fits = (column: string): boolean => {
    const size = valuesOf.get(column)?.size ?? 0;
    // A value of its own for most pictures is a name, not a kind.
    return size > 1 && size <= Math.min(MOST_VALUES, Math.max(2, pictures.length / 4));
  };
  const wrong = known ? [] : (named?.filter((column) => !fits(column)) ?? []);
  if (wrong.length > 0) {
    throw new DataError('columns that cannot be predicted', {
      where: 'textEncoder.columns',
      details: wrong.map((column) => `${column}: ${valuesOf.get(column)?.size ?? 'no'} values`),
      expected: `2 to ${MOST_VALUES} values, at least four pictures a value`,
      got: wrong.join(', '),
      hint: `one of ${[...valuesOf.keys()].filter(fits).join(', ') || 'none: leave textEncoder.columns out'}`,
    });
  }
  const columns =
    named ?? [...valuesOf.keys()].filter((column) => fits(column) && isSaid(pictures, column)).sort();
  const lists: [string, string[]][] =
    columns.length > 0
      ? columns.map((column) => [column, [...(known?.[column] ?? [...(valuesOf.get(column) ?? [])].sort())]])
      : [[WORDS, frequentWords(pictures)]];
  let width = 0;
  const targets = lists.map(([name, values]): Target => {
    const first = width;
    width += values.length;
    return { name, kind: columns.length > 0 ? 'column' : 'words', first, values };
  });
  const places = targets.map(({ values }) => new Map(values.map((value, i) => [value, i])));
  return {
    targets,
    width,
    labelsOf(numbers) {
      const labels = new Float32Array(numbers.length * width);
      numbers.forEach((number, row) => {
        const { columns: own = {}, caption = '' } = pictures[number] ?? {};
        targets.forEach(({ name, kind, first }, i) => {
          for (const value of kind === 'words' ? wordsOf(caption) : [own[name] ?? '']) {
            const place = places[i]?.get(value);
            // Where nobody named the columns, a value counts only where the caption says it.
            const counts = kind === 'words' || named !== undefined || says(caption, value);
            if (place !== undefined && counts) labels[row * width + first + place] = 1;
          }
        });
      });
      return labels;
    },
  };
}

const says = (caption: string, value: string): boolean => caption.toLowerCase().includes(value.toLowerCase());

/** Whether captions say a column's value for half of the pictures that have one: what no caption says, none can tell. */
function isSaid(pictures: readonly CaptionedPicture[], column: string): boolean {
  const having = pictures.filter(({ columns }) => (columns[column] ?? '') !== '');
  const saying = having.filter(({ caption, columns }) => says(caption, columns[column] ?? ''));
  return saying.length >= having.length / 2;
}

const wordsOf = (caption: string): string[] => caption.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function frequentWords(pictures: readonly CaptionedPicture[]): string[] {
  const counts = new Map<string, number>();
  for (const { caption } of pictures)
    for (const word of new Set(wordsOf(caption))) counts.set(word, (counts.get(word) ?? 0) + 1);
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return byCount.slice(0, MOST_WORDS).map(([word]) => word);
}
