// Whether an encoder is fit to judge, on pictures it was not trained on: does it know an individual again elsewhere, does
// it tell it from others of its kind, is it unmoved by what stands behind; do pictures and captions find each other.
import { cacheDir as userCacheDir, DataError, openCache, type ImageEncoder } from '@likeness/core';
import { findCaptionedPictures, type CaptionedPicture } from '../data/captionedPictures.ts';
import { openPictureStore, type PictureStore } from '../data/pictureStore.ts';
import { columnAccuracy } from '../objectives/columnScores.ts';
import { individualOf } from '../objectives/individuals.ts';
import { separation } from '../objectives/separation.ts';
import { targetsOf } from '../objectives/targets.ts';
import { phrasesOf } from './captionPhrases.ts';
import { dot, startEncoding, unitRows, type Encoded } from './encoded.ts';
import { varianceExplained } from './explained.ts';

export interface ValidationOptions {
  readonly encoder: ImageEncoder;
  /** Folders of captioned pictures, none of them trained on. */
  readonly data: string | readonly string[];
  /** Columns that say which pictures show the same individual. */
  readonly identity: readonly string[];
  /** Column of what individuals of a kind have in common. */
  readonly kind: string;
  /** Column of what stands behind them. */
  readonly background: string;
  readonly threads: number;
  readonly cacheDir?: string | undefined;
}

/** Measures by name; shares are between 0 and 1. */
export type Validation = Readonly<Record<string, number>>;

/** @throws DataError when the data lack a column that is asked for */
export async function validateEncoder(options: ValidationOptions): Promise<Validation> {
  const { encoder, data, cacheDir } = options;
  const pictures = await findCaptionedPictures(data);
  const cache = openCache(cacheDir ?? userCacheDir());
  const { resolution } = encoder;
  const store = await openPictureStore({ pictures, resolution, heldOutShare: 0, cache });
  try {
    if (encoder.labels) return await validateClassifier(options, store);
    return encoder.text ? await validateImageText(options, store) : await validateIndividuals(options, store);
  } finally {
    await store.close();
  }
}

async function validateIndividuals(options: ValidationOptions, store: PictureStore): Promise<Validation> {
  const { identity, kind, background } = options;
  const shown = having(store, [identity[0] ?? '', kind, background]);
  const features = await encoded(options, store, shown);
  const column = (name: string): string[] => shown.map((number) => columnOf(store, number, name));
  const individuals = shown.map((number) => individualOf(store.pictures[number] ?? NOTHING, identity) ?? '');
  const [kinds, scenes] = [column(kind), column(background)];
  const elsewhere = (row: number, other: number): boolean => scenes[row] === scenes[other];
  const { rows, width } = features;
  const anywhere = separation({ features: rows, width, individuals, kinds });
  const moved = separation({ features: rows, width, individuals, kinds, leaveOut: elsewhere });
  const pixels = await pixelsOf(store, shown);
  return {
    pictures: shown.length,
    individuals: new Set(individuals).size,
    'retrieved.inAnotherScene': moved.retrieved,
    ...(anywhere.auc === undefined ? {} : { 'auc.ofKind': anywhere.auc }),
    [`explained.${background}.pixels`]: varianceExplained(pixels.rows, pixels.width, scenes),
    [`explained.${background}`]: varianceExplained(rows, width, scenes),
    'explained.individual.pixels': varianceExplained(pixels.rows, pixels.width, individuals),
    'explained.individual': varianceExplained(rows, width, individuals),
  };
}

/** Every noun in every scene as a caption; which of them is nearest to a picture. */
async function validateImageText(options: ValidationOptions, store: PictureStore): Promise<Validation> {
  const { encoder, kind, background, threads } = options;
  const { things, places } = phrasesOf(store.pictures, kind, background);
  const [nouns, scenes] = [[...things.keys()].sort(), [...places.keys()].sort()];
  const shown = having(store, [kind, background]).filter(
    (number) => things.has(columnOf(store, number, kind)) && places.has(columnOf(store, number, background)),
  );
  if (shown.length === 0) {
    throw new DataError('captions do not say what is measured', {
      code: 'pretrain/captions-without-columns',
      where: `columns ${kind} and ${background}`,
      expected: 'captions that name the value of one and go on with the other: a cat on the beach',
      got: store.pictures[0]?.caption ?? 'no captions',
    });
  }
  const captions = nouns.flatMap((noun) =>
    scenes.map((scene) => `a picture of ${things.get(noun) ?? ''}${places.get(scene) ?? ''}`),
  );
  const machine = await startEncoding(encoder, { threads });
  try {
    const texts = unitRows(await machine.texts(captions));
    const images = unitRows(await machine.pictures(store, shown));
    const right = { noun: 0, scene: 0, both: 0 };
    shown.forEach((number, row) => {
      const cosines = captions.map((_, caption) => dot(images, row, texts, caption));
      const noun = nouns.indexOf(columnOf(store, number, kind));
      const scene = scenes.indexOf(columnOf(store, number, background));
      const count = scenes.length;
      const best = (of: readonly number[]): number => of.indexOf(Math.max(...of));
      right.both += best(cosines) === noun * count + scene ? 1 : 0;
      right.noun += best(nouns.map((_, i) => cosines[i * count + scene] ?? 0)) === noun ? 1 : 0;
      right.scene += best(scenes.map((_, i) => cosines[noun * count + i] ?? 0)) === scene ? 1 : 0;
    });
    const share = (of: number): number => of / Math.max(1, shown.length);
    return {
      pictures: shown.length,
      captions: captions.length,
      [`matched.${kind}`]: share(right.noun),
      [`matched.${background}`]: share(right.scene),
      'matched.both': share(right.both),
    };
  } finally {
    await machine.close();
  }
}

async function validateClassifier(options: ValidationOptions, store: PictureStore): Promise<Validation> {
  const { labels } = options.encoder;
  const columns = labels?.columns ?? {};
  const { targets, width, labelsOf } = targetsOf(store.pictures, Object.keys(columns), columns);
  const numbers = store.pictures.map((_, number) => number);
  const { rows } = await encoded(options, store, numbers, 'scores');
  const accuracy = columnAccuracy(targets, width);
  accuracy.add(rows, labelsOf(numbers), numbers.length);
  return { pictures: numbers.length, ...accuracy.measures() };
}

async function encoded(
  { encoder, threads }: ValidationOptions,
  store: PictureStore,
  numbers: readonly number[],
  output: 'feature' | 'scores' = 'feature',
): Promise<Encoded> {
  const machine = await startEncoding(encoder, { threads, output });
  try {
    return await machine.pictures(store, numbers);
  } finally {
    await machine.close();
  }
}

/** Pictures that have all these columns. @throws DataError when there are none */
function having({ pictures }: PictureStore, columns: readonly string[]): number[] {
  const numbers = pictures.flatMap(({ columns: own }, number) =>
    columns.every((column) => own[column] !== undefined) ? [number] : [],
  );
  if (numbers.length > 0) return numbers;
  throw new DataError('the data do not say what is measured', {
    where: 'columns of metadata.jsonl',
    expected: columns.join(', '),
    got: [...new Set(pictures.flatMap((picture) => Object.keys(picture.columns)))].join(', ') || 'none',
    hint: 'pictures with these columns, or other names: --identity, --kind, --background',
  });
}

const NOTHING: CaptionedPicture = { path: '', caption: '', columns: {} };

const columnOf = ({ pictures }: PictureStore, number: number, name: string): string =>
  pictures[number]?.columns[name] ?? '';

/** Pictures themselves as features. */
async function pixelsOf(store: PictureStore, numbers: readonly number[]): Promise<Encoded> {
  return { rows: Float32Array.from(await store.read(numbers)), width: store.resolution ** 2 * 3 };
}
