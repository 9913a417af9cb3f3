// Batches for telling individuals apart: some kinds, some individuals of each, some pictures of each of those. Others of
// the same kind are what is hardest to tell from it, so they are always there.
import { DataError, type Rng } from '@likeness/core';
import type { CaptionedPicture } from '../data/captionedPictures.ts';
import type { ImageEncoderConfig } from '../encoderSchema.ts';

/** A row of a batch. */
export interface Shown {
  readonly number: number;
  /** What it shows: rows with equal ones show the same individual. */
  readonly individual: string;
  /** The first column of its identity: equal ones of unequal individuals are neither the same nor others. */
  readonly likeness: string;
  /** Which of the batch's other colours it is shown in; undefined: its own. */
  readonly palette: number | undefined;
}

/**
 * Other colours of a batch. So few that each is shared by many individuals, and by all of a kind: otherwise the colours
 * of what stands behind a thing would tell which one it is.
 */
export const PALETTES = 3;

export type DrawIndividuals = (step: number) => Shown[];

type Settings = Pick<
  ImageEncoderConfig,
  'batchSize' | 'identity' | 'kind' | 'picturesOfEach' | 'individualsOfKind' | 'recolourShare'
>;

/** What a picture shows, by the columns of its identity; undefined where the first has no value. */
export function individualOf({ columns }: CaptionedPicture, identity: readonly string[]): string | undefined {
  const [first = ''] = identity;
  if (columns[first] === undefined) return undefined;
  return identity.map((column) => columns[column] ?? '').join('\n');
}

/** @throws DataError when the columns of identity are not in the data, or each picture shows another individual */
export function individuals(
  pictures: readonly CaptionedPicture[],
  numbers: readonly number[],
  settings: Settings,
  rng: Rng,
): DrawIndividuals {
  const { batchSize, identity, kind, picturesOfEach, individualsOfKind, recolourShare } = settings;
  const byIndividual = new Map<string, number[]>();
  const byKind = new Map<string, string[]>();
  for (const number of numbers) {
    const picture = pictures[number];
    const individual = picture && individualOf(picture, identity);
    if (picture === undefined || individual === undefined) continue;
    const own = byIndividual.get(individual);
    if (own) own.push(number);
    else byIndividual.set(individual, [number]);
  }
  for (const [individual, own] of byIndividual) {
    if (own.length < 2) continue;
    const name = pictures[own[0] ?? 0]?.columns[kind] ?? '';
    // As often as it has pictures: drawn evenly from this list, pictures are seen equally often.
    const list = byKind.get(name) ?? [];
    list.push(...own.map(() => individual));
    byKind.set(name, list);
  }
  if (byKind.size === 0) {
    throw new DataError('nothing says which pictures show the same individual', {
      where: 'imageEncoder.identity',
      expected: `columns ${identity.join(', ')} with several pictures a value`,
      got: [...new Set(pictures.flatMap(({ columns }) => Object.keys(columns)))].join(', ') || 'no columns',
      hint: 'metadata.jsonl with such a column, or its name in imageEncoder.identity',
    });
  }
  const kinds = [...byKind.keys()].sort();
  const slots = Math.ceil(batchSize / picturesOfEach);
  return (step) => {
    const order = rng.stream('individuals.kinds', step, 0).shuffle(kinds.length);
    const colours = rng.stream('individuals.palettes', step, 0).uniform(2 * slots);
    const drawn = rng.stream('individuals', step, 0).uniform(slots * DRAWS);
    let used = 0;
    const below = (count: number): number => Math.floor((drawn[used++] ?? 0) * count);
    const taken = new Set<string>();
    const rows: Shown[] = [];
    for (let slot = 0; slot < slots; slot++) {
      used = slot * DRAWS;
      const place = order[Math.floor(slot / individualsOfKind) % kinds.length] ?? 0;
      const list = byKind.get(kinds[place] ?? '') ?? [];
      let name = '';
      for (let i = 0; i < TRIES; i++) {
        name = list[below(list.length)] ?? '';
        if (!taken.has(name)) break;
      }
      taken.add(name);
      const own = byIndividual.get(name) ?? [];
      used = slot * DRAWS + TRIES;
      const group = Math.floor(slot / individualsOfKind);
      const isRecoloured = (colours[2 * group] ?? 1) < recolourShare;
      const palette = isRecoloured ? Math.floor((colours[2 * group + 1] ?? 0) * PALETTES) : undefined;
      const likeness = name.split('\n')[0] ?? '';
      const first = below(own.length);
      const stride = 1 + below(Math.max(1, own.length - 1));
      for (let i = 0; i < picturesOfEach && rows.length < batchSize; i++) {
        const number = own[(first + i * stride) % own.length] ?? 0;
        const individual = palette === undefined ? name : `${name}\n${palette}`;
        rows.push({ number, individual, likeness, palette });
      }
    }
    return rows;
  };
}

/** Draws that look for an individual the batch has not. */
const TRIES = 8;
/** Those, and two that choose its pictures. */
const DRAWS = TRIES + 2;

/**
 * Who is whose, `[B, B]` each: `same` has rows that sum to 1 over the others of an individual, `apart` is far below any
 * score where a row is not to be compared: with itself, or with what is neither the same nor another.
 */
export function relations(rows: readonly Shown[]): { same: Float32Array; apart: Float32Array } {
  const size = rows.length;
  const same = new Float32Array(size * size);
  const apart = new Float32Array(size * size);
  rows.forEach((one, row) => {
    const others = rows.flatMap((other, column) =>
      column !== row && other.individual === one.individual ? [column] : [],
    );
    for (const column of others) same[row * size + column] = 1 / others.length;
    rows.forEach((other, column) => {
      const unclear = other.likeness === one.likeness && other.individual !== one.individual;
      if (row === column || unclear) apart[row * size + column] = NEVER;
    });
  });
  return { same, apart };
}

const NEVER = -1e9;
