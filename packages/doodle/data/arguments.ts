// What `npm run doodle-data` is told, checked before anything is drawn.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { DataError } from '@likeness/engine';
import { NOUNS } from './catalog.ts';
import type { DatasetRequest } from './dataset.ts';
import { SPLITS, USUAL_SHARES } from './plan.ts';

export const USAGE = `npm run doodle-data -- OUT --count N   captioned pictures: PNG files and metadata.jsonl (imagefolder)
  --split train|heldout|combos   training; drawings, or noun × scene pairs, that training never sees [train]
  --seed N      [0]               --size PX     side of the pictures [64]
  --recoloured SHARE  things in other colours than their drawing's [${String(USUAL_SHARES.recoloured)}]
  --sized SHARE       captions that say small or large [${String(USUAL_SHARES.sized)}]
  --often NOUN,NOUN   nouns that come once more in a round of the 50, each time they are named
  --workers N   threads [the processor's]
npm run doodle-data -- OUT --make subjects|sheets|vocabulary
                the held-out subjects and styles; the data card's pictures; the words
A folder that is there already is gone on with.`;

const MAKES = ['pictures', 'subjects', 'sheets', 'vocabulary'] as const;
const OF_PICTURES = ['split', 'count', 'seed', 'size', 'recoloured', 'sized', 'often', 'workers'] as const;

export type Job =
  | { readonly make: 'pictures'; readonly request: DatasetRequest; readonly workers: number }
  | { readonly make: Exclude<(typeof MAKES)[number], 'pictures'>; readonly outputDir: string }
  | { readonly make: 'help' };

type Values = Readonly<Partial<Record<(typeof OF_PICTURES)[number], string>>>;

/** @throws DataError for what is no value of its flag, and for flags that would change nothing */
export function readArguments(argv: readonly string[]): Job {
  const { values, positionals } = parsed(argv);
  if (values.help === true) return { make: 'help' };
  const [outputDir] = positionals;
  if (outputDir === undefined || positionals.length > 1) {
    throw new DataError('one folder is needed', {
      code: 'usage/bad-value',
      where: 'arguments',
      got: positionals.join(' ') || 'none',
      hint: USAGE,
    });
  }
  const make = oneOf('--make', values.make ?? 'pictures', MAKES);
  if (make === 'pictures') return { make, ...picturesOf(outputDir, values) };
  refuse(values, OF_PICTURES, `--make ${make} always makes the same`);
  return { make, outputDir };
}

function parsed(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        make: text,
        split: text,
        count: text,
        seed: text,
        size: text,
        recoloured: text,
        sized: text,
        often: text,
        workers: text,
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new DataError(error instanceof Error ? error.message : String(error), {
      code: 'usage/bad-value',
      where: 'arguments',
      hint: USAGE,
    });
  }
}

function picturesOf(outputDir: string, values: Values): { request: DatasetRequest; workers: number } {
  const split = oneOf('--split', values.split ?? 'train', SPLITS);
  if (split === 'heldout') {
    refuse(
      values,
      ['recoloured', 'often'],
      'held-out drawings keep their colours, and each comes as often as the others',
    );
  }
  const { recoloured, sized } = USUAL_SHARES;
  const request: DatasetRequest = {
    outputDir,
    split,
    count: wholeNumber('--count', values.count, 1),
    seed: wholeNumber('--seed', values.seed ?? '0', 0),
    sizePx: wholeNumber('--size', values.size ?? '64', 16),
    shares: {
      recoloured: values.recoloured === undefined ? recoloured : share('--recoloured', values.recoloured),
      sized: values.sized === undefined ? sized : share('--sized', values.sized),
      often: nouns('--often', values.often ?? ''),
    },
  };
  return { request, workers: wholeNumber('--workers', values.workers ?? String(availableParallelism()), 1) };
}

function refuse(values: Values, flags: readonly (keyof Values)[], why: string): void {
  const said = flags.filter((flag) => values[flag] !== undefined).map((flag) => `--${flag}`);
  if (said.length === 0) return;
  throw new DataError(`${said.join(' and ')} would change nothing: ${why}`, {
    code: 'usage/flag-without-effect',
    where: said.join(', '),
    hint: `leave ${said.length === 1 ? 'it' : 'them'} out`,
  });
}

function wholeNumber(flag: string, text: string | undefined, least: number): number {
  const value = Number(text);
  if (text !== undefined && Number.isSafeInteger(value) && value >= least) return value;
  throw new DataError('not a whole number that can be used', {
    code: 'usage/bad-value',
    where: flag,
    expected: `${String(least)} or more`,
    got: text ?? 'nothing',
  });
}

function nouns(flag: string, text: string): string[] {
  const known = NOUNS.map(({ noun }) => noun);
  return text
    .split(',')
    .filter((word) => word !== '')
    .map((word) => oneOf(flag, word, known));
}

function share(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new DataError('not a share', {
    code: 'usage/bad-value',
    where: flag,
    expected: 'from 0 to 1',
    got: text || 'nothing',
  });
}

function oneOf<T extends string>(flag: string, text: string, names: readonly T[]): T {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new DataError('no such choice', {
    code: 'usage/bad-value',
    where: flag,
    expected: names.join(', '),
    got: text,
  });
}
