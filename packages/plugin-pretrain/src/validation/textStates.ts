// How far a word moves the text states, alone and beside others: what the noise predictor cannot see in the states it
// does not draw. A contrastive text encoder lets loud words (a colour) drown quiet ones (the thing that has it).
import { defineFunction, int32, type DiffusionModel, type Program } from '@likeness/core';
import type { CaptionedPicture } from '../data/captionedPictures.ts';
import { exchangeWord, saysWord } from '../data/captions.ts';
import type { Validation } from './validateEncoder.ts';

/** Captions of a call: each with the word it has and with another one. */
const TOGETHER = 64;
/** Captions of a column that are looked at. */
const CAPTIONS = 512;
/** Columns with more values than this are names of pictures, not words. */
const MOST_VALUES = 200;

/** A caption, and the same with one column's word exchanged for another of its values. */
interface Exchange {
  readonly column: string;
  readonly caption: string;
  readonly other: string;
  /** Further columns whose words the caption says. */
  readonly beside: readonly string[];
}

/** Text states of as many captions as `measureTextStates` asks for at once. */
export const encodingTexts = ({ textEncoder }: DiffusionModel) =>
  defineFunction({ ids: int32(2 * TOGETHER, textEncoder.maxLength) }, ({ ids }) => ({
    states: textEncoder.encode(ids),
  }));

/**
 * For every column of the data whose values captions say: how far the states move when its word is exchanged for another
 * one, at the position where they move most, since attention looks where it likes. Mean of `apart.noun` over captions that
 * say no other column's word, of `apart.noun.beside.colour` over those that say a colour as well.
 * @param program has `encodingTexts` as `encodeTexts`
 */
export async function measureTextStates(
  program: Program,
  { textEncoder, tokenizer }: DiffusionModel,
  pictures: readonly CaptionedPicture[],
): Promise<Validation> {
  const exchanges = exchangesOf(pictures);
  const distances = new Map<string, { sum: number; count: number }>();
  for (let at = 0; at < exchanges.length; at += TOGETHER) {
    const own = exchanges.slice(at, at + TOGETHER);
    const filled = Array.from({ length: TOGETHER }, (_, row) => own[row] ?? own[0]);
    const texts = [...filled.map((one) => one?.caption ?? ''), ...filled.map((one) => one?.other ?? '')];
    const ids = Int32Array.from(texts.flatMap((text) => [...tokenizer.encodePadded(text)]));
    const { states = new Float32Array() } = await program.run('encodeTexts', { ids });
    own.forEach((exchange, row) => {
      const distance = greatestDistance(states as Float32Array, row, textEncoder.maxLength);
      for (const name of namesOf(exchange)) {
        const { sum, count } = distances.get(name) ?? { sum: 0, count: 0 };
        distances.set(name, { sum: sum + distance, count: count + 1 });
      }
    });
  }
  const names = [...distances.keys()].sort();
  return Object.fromEntries(
    names.map((name) => {
      const { sum = Number.NaN, count = 1 } = distances.get(name) ?? {};
      return [name, sum / count];
    }),
  );
}

function exchangesOf(pictures: readonly CaptionedPicture[]): Exchange[] {
  /** What captions say, by column: each caption is searched once. */
  const said = pictures.map(({ caption, columns }) => ({
    caption,
    words: Object.entries(columns).filter(([, value]) => value !== '' && saysWord(caption, value)),
  }));
  const columns = new Set(said.flatMap(({ words }) => words.map(([column]) => column)));
  return [...columns].flatMap((column) => {
    const saying = said.flatMap(({ caption, words }) => {
      const value = words.find(([name]) => name === column)?.[1];
      return value === undefined ? [] : [{ caption, value, words }];
    });
    const all = [...new Set(saying.map(({ value }) => value))].sort();
    if (all.length < 2 || all.length > MOST_VALUES) return [];
    return saying.slice(0, CAPTIONS).map(({ caption, value, words }, i) => {
      // Every value meets others in turn.
      const others = all.filter((other) => other !== value);
      const other = exchangeWord(caption, value, others[i % others.length] ?? value);
      const beside = words.flatMap(([name]) => (name === column ? [] : [name]));
      return { column, caption, other, beside };
    });
  });
}

const namesOf = ({ column, beside }: Exchange): string[] => {
  const name = `apart.${column}`;
  return beside.length === 0 ? [name] : beside.map((one) => `${name}.beside.${one}`);
};

/** @param states `[2 · TOGETHER, T, D]`: captions, then the exchanged ones */
function greatestDistance(states: Float32Array, row: number, maxLength: number): number {
  const width = states.length / (2 * TOGETHER * maxLength);
  const exchanged = TOGETHER * maxLength * width;
  let greatest = 0;
  for (let position = row * maxLength; position < (row + 1) * maxLength; position++) {
    let sum = 0;
    for (let i = position * width; i < (position + 1) * width; i++)
      sum += ((states[i] ?? 0) - (states[i + exchanged] ?? 0)) ** 2;
    greatest = Math.max(greatest, Math.sqrt(sum));
  }
  return greatest;
}
