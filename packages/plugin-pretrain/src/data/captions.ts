// Captions of a data set: each text once, and for some pictures a caption that is wrong in one word.
import type { Rng } from '@likeness/core';
import type { CaptionedPicture } from './captionedPictures.ts';

export interface CaptionTable {
  /** Each text once; the first is the empty one, which stands for a caption left out. */
  readonly texts: readonly string[];
  indexOf(text: string): number;
}

export function captionTable(texts: Iterable<string>): CaptionTable {
  const indices = new Map<string, number>([['', 0]]);
  for (const text of texts) if (!indices.has(text)) indices.set(text, indices.size);
  return {
    texts: [...indices.keys()],
    indexOf: (text) => {
      const index = indices.get(text);
      if (index === undefined) throw new RangeError(`the caption was not in the table: ${text}`);
      return index;
    },
  };
}

/**
 * A caption that says something else than the picture shows: with one column's word exchanged for another value of the
 * column, where the caption holds it; else the caption of another picture.
 * @param numbers pictures to make one for
 */
export function wrongCaptions(
  pictures: readonly CaptionedPicture[],
  numbers: readonly number[],
  column: string | undefined,
  rng: Rng,
): string[] {
  const values =
    column === undefined ? [] : [...new Set(pictures.flatMap(({ columns }) => columns[column] ?? []))].sort();
  const captions = [...new Set(pictures.map(({ caption }) => caption))].sort();
  return numbers.map((number) => {
    const { caption = '', columns = {} } = pictures[number] ?? {};
    const value = column === undefined ? undefined : columns[column];
    const draw = (from: readonly string[], except: string): string => {
      const others = from.filter((one) => one !== except);
      return (
        others[Math.floor((rng.stream('wrongCaption', 0, number).uniform(1)[0] ?? 0) * others.length)] ??
        except
      );
    };
    if (value !== undefined && value !== '' && saysWord(caption, value) && values.length > 1)
      return exchangeWord(caption, value, draw(values, value));
    return draw(captions, caption);
  });
}

/** Whether a caption says a value, as words of their own. */
export const saysWord = (caption: string, value: string): boolean => wholeWord(value).test(caption);

/** The first place a caption says a value says another one. */
export const exchangeWord = (caption: string, value: string, other: string): string =>
  caption.replace(wholeWord(value), () => other);

const wholeWord = (text: string): RegExp =>
  new RegExp(
    `(?<![\\p{L}\\p{N}])${text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}(?![\\p{L}\\p{N}])`,
    'u',
  );

/** A caption that does not say a word, its article set right: `a red apple` → `an apple`. */
export function withoutWord(caption: string, word: string): string {
  const at = wholeWord(word).exec(caption)?.index;
  if (at === undefined) return caption;
  const behind = caption.slice(at + word.length).trimStart();
  const before = caption.slice(0, at).trimEnd();
  const article = /^[aeiou]/i.test(behind) ? 'an' : 'a';
  return [before.replace(/\b(an?)$/, article), behind].filter((part) => part !== '').join(' ');
}
