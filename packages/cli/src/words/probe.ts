// How much a word means to a model: how far it moves pictures from the same seeds without it.
//
//   moves(word) = mean over contexts of  d(word, context) / mean over known nouns of d(noun, context)
//
// d is the mean squared difference of pixels over seeds. 0: the word changes nothing; 1: as much as a known noun does.
import {
  generatePictures,
  type GenerateOptions,
  type PictureRequest,
  type RgbImage,
  type SheetRow,
} from '@likeness/core';

/** Nouns that every model knows, the bundled one too: their mean is 1. */
export const KNOWN_NOUNS: readonly string[] = ['cat', 'house', 'tree', 'robot'];
/** Class nouns that words are put before. */
export const CONTEXT_NOUNS: readonly string[] = ['dog', 'car'];

/** A sentence with or without a word. */
export interface Context {
  readonly label: string;
  readonly prompt: (word: string) => string;
}

/** `a photo of sks dog` for each class noun, and `a photo of sks`. */
export function contextsOf(nouns: readonly string[]): Context[] {
  const sentence = (...words: string[]): string => ['a photo of', ...words.filter(Boolean)].join(' ');
  return [
    ...nouns.map((noun) => ({ label: noun, prompt: (word: string) => sentence(word, noun) })),
    { label: 'alone', prompt: (word) => sentence(word) },
  ];
}

export interface ProbeOptions extends Omit<GenerateOptions, 'prompts'> {
  readonly words: readonly string[];
  readonly contexts: readonly Context[];
  readonly seeds: readonly number[];
}

export interface ProbedWord {
  readonly word: string;
  readonly moves: number;
  /** By context, then seed. */
  readonly pictures: readonly RgbImage[];
}

export interface Probe {
  /** The least moving first. */
  readonly words: readonly ProbedWord[];
  readonly known: readonly ProbedWord[];
  /** Pictures without any word. */
  readonly without: readonly RgbImage[];
}

/** Samples every word in every context, and the same without. Equal settings give equal numbers. */
export async function probeWords({ words, contexts, seeds, ...options }: ProbeOptions): Promise<Probe> {
  const rows = ['', ...KNOWN_NOUNS, ...words];
  const prompts = rows.flatMap((word) =>
    contexts.flatMap(({ prompt }) => seeds.map((seed): PictureRequest => ({ prompt: prompt(word), seed }))),
  );
  const images: RgbImage[] = [];
  for await (const { image } of generatePictures({ ...options, prompts })) images.push(image);
  const perRow = contexts.length * seeds.length;
  const [without = [], ...moved] = rows.map((_, row) => images.slice(row * perRow, (row + 1) * perRow));
  const differences = moved.map((pictures) => byContext(pictures, without, seeds.length));
  const scale = contexts.map(({ label }, context) =>
    // "a photo of dog dog" says nothing about how far a noun goes.
    mean(KNOWN_NOUNS.flatMap((noun, i) => (noun === label ? [] : [differences[i]?.[context] ?? 0]))),
  );
  const probed = moved.map((pictures, i) => ({
    word: rows[i + 1] ?? '',
    moves: movement(differences[i] ?? [], scale),
    pictures,
  }));
  return {
    words: probed.slice(KNOWN_NOUNS.length).sort((a, b) => a.moves - b.moves),
    known: probed.slice(0, KNOWN_NOUNS.length),
    without,
  };
}

/** Contexts weigh alike, whatever the scale of each. */
export function movement(differences: readonly number[], scale: readonly number[]): number {
  return mean(differences.map((difference, context) => difference / (scale[context] ?? 1)));
}

/** Mean squared difference of two pictures, channels from 0 to 1. */
export function pictureDifference(a: RgbImage, b: RgbImage): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (((a.data[i] ?? 0) - (b.data[i] ?? 0)) / 255) ** 2;
  return sum / a.data.length;
}

/** Words and known nouns as rows of a sheet, from what moves nothing to what moves most. */
export function probeRows({ without, words, known }: Probe): SheetRow[] {
  const row = ({ word, moves, pictures }: ProbedWord): SheetRow => ({
    label: `${word}  ${moves.toFixed(2)}`,
    pictures,
  });
  return [{ label: 'no word', pictures: without }, ...words.map(row), ...known.map(row)];
}

function byContext(pictures: readonly RgbImage[], without: readonly RgbImage[], seeds: number): number[] {
  return Array.from({ length: pictures.length / seeds }, (_, context) =>
    mean(
      pictures.slice(context * seeds, (context + 1) * seeds).map((picture, i) => {
        const base = without[context * seeds + i];
        return base === undefined ? 0 : pictureDifference(picture, base);
      }),
    ),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
