// How far a word moves the text states, alone and beside others: what the noise predictor cannot see in the states it
// does not draw. A contrastive text encoder lets loud words (a colour) drown quiet ones (the thing that has it).
import { defineFunction, int32, startMachine, type DiffusionModel, type Tensor } from '@likeness/core';
import type { CaptionedPicture } from '../data/captionedPictures.ts';
import { exchangeWord, saysWord } from '../data/captions.ts';
import { planned } from '../objective.ts';
import type { Validation } from './validateEncoder.ts';

/** Captions of a call: each with the word it has and with another one. */
const TOGETHER = 64;
/** Captions of a column that are looked at. */
const CAPTIONS = 512;
/** Columns with more values than this are names of pictures, not words. */
const MOST_VALUES = 200;

export interface TextStatesOptions {
  readonly model: DiffusionModel;
  readonly pictures: readonly CaptionedPicture[];
  readonly threads: number;
}

/** A caption, and the same with one column's word exchanged for another of its values. */
interface Exchange {
  readonly column: string;
  readonly caption: string;
  readonly other: string;
  /** Further columns whose words the caption says. */
  readonly beside: readonly string[];
}

/**
 * For every column of the data whose values captions say: how far the states move when its word is exchanged for another
 * one, at the position where they move most, since attention looks where it likes. Mean of `apart.noun` over captions that
 * say no other column's word, of `apart.noun.beside.colour` over those that say a colour as well.
 */
export async function measureTextStates({
  model,
  pictures,
  threads,
}: TextStatesOptions): Promise<Validation> {
  const exchanges = exchangesOf(pictures);
  if (exchanges.length === 0) return {};
  const { textEncoder, tokenizer } = model;
  const { maxLength } = textEncoder;
  const ids = int32(2 * TOGETHER, maxLength);
  const encode = defineFunction({ ids }, (fed) => ({ states: textEncoder.encode(fed.ids as Tensor) }));
  const machine = await startMachine(
    { model, threads, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    { encode: planned(encode, Math.ceil(exchanges.length / TOGETHER)) },
  );
  const distances = new Map<string, number[]>();
  try {
    for (let at = 0; at < exchanges.length; at += TOGETHER) {
      const own = exchanges.slice(at, at + TOGETHER);
      const filled = Array.from({ length: TOGETHER }, (_, row) => own[row] ?? own[0]);
      const texts = [...filled.map((one) => one?.caption ?? ''), ...filled.map((one) => one?.other ?? '')];
      const rows = texts.flatMap((text) => [...tokenizer.encodePadded(text)]);
      const { states = new Float32Array() } = await machine.program.run('encode', {
        ids: Int32Array.from(rows),
      });
      own.forEach((exchange, row) => {
        const distance = greatestDistance(states as Float32Array, row, maxLength);
        for (const name of namesOf(exchange)) distances.set(name, [...(distances.get(name) ?? []), distance]);
      });
    }
  } finally {
    await machine.close();
  }
  return Object.fromEntries(
    [...distances].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, all]) => [name, mean(all)]),
  );
}

function exchangesOf(pictures: readonly CaptionedPicture[]): Exchange[] {
  const values = new Map<string, Set<string>>();
  for (const { caption, columns } of pictures) {
    for (const [column, value] of Object.entries(columns)) {
      if (value === '' || !saysWord(caption, value)) continue;
      values.set(column, (values.get(column) ?? new Set()).add(value));
    }
  }
  const said = [...values]
    .filter(([, { size }]) => size > 1 && size <= MOST_VALUES)
    .map(([column]) => column);
  const says = ({ caption, columns }: CaptionedPicture, column: string): boolean =>
    columns[column] !== undefined && columns[column] !== '' && saysWord(caption, columns[column]);
  return said.flatMap((column) => {
    const all = [...(values.get(column) ?? [])].sort();
    // Every value meets others in turn.
    const otherThan = (value: string, i: number): string => {
      const others = all.filter((other) => other !== value);
      return others[i % others.length] ?? value;
    };
    return pictures
      .filter((picture) => says(picture, column))
      .slice(0, CAPTIONS)
      .map((picture, i) => {
        const value = picture.columns[column] ?? '';
        const { caption } = picture;
        const other = exchangeWord(caption, value, otherThan(value, i));
        return { column, caption, other, beside: said.filter((one) => one !== column && says(picture, one)) };
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

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
