// Captions that differ in one thing, made of the words that captions of the data have for it.
import type { CaptionedPicture } from '../data/captionedPictures.ts';

export interface Phrases {
  /** `a cat`, by noun. */
  readonly things: ReadonlyMap<string, string>;
  /** ` on the beach`, by scene. */
  readonly places: ReadonlyMap<string, string>;
}

/**
 * What captions say for each noun and each scene: the article before a noun and whatever stands behind it, as most
 * captions of it have it that say nothing else.
 */
export function phrasesOf(pictures: readonly CaptionedPicture[], noun: string, scene: string): Phrases {
  const [things, places] = [new Map<string, Map<string, number>>(), new Map<string, Map<string, number>>()];
  for (const { caption, columns } of pictures) {
    const [thing, place] = [columns[noun], columns[scene]];
    if (thing === undefined || place === undefined) continue;
    const at = caption.indexOf(` ${thing}`);
    if (at < 0) continue;
    const [, article = /^[aeiou]/.test(thing) ? 'an' : 'a'] = /\b(an?)$/.exec(caption.slice(0, at)) ?? [];
    count(things, thing, `${article} ${thing}`);
    const behind = caption.slice(at + 1 + thing.length);
    // Nothing behind it, or a place in the frame after a comma, is no scene.
    if (behind !== '' && !behind.includes(',')) count(places, place, behind);
  }
  return { things: mostFrequent(things), places: mostFrequent(places) };
}

function count(of: Map<string, Map<string, number>>, key: string, phrase: string): void {
  const phrases = of.get(key) ?? new Map<string, number>();
  of.set(key, phrases);
  phrases.set(phrase, (phrases.get(phrase) ?? 0) + 1);
}

const mostFrequent = (of: ReadonlyMap<string, ReadonlyMap<string, number>>): Map<string, string> =>
  new Map(
    [...of].map(
      ([key, phrases]) => [key, [...phrases].sort(([, a], [, b]) => b - a)[0]?.[0] ?? key] as const,
    ),
  );
