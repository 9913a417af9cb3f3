// `pnpm doodle-data`: makes the pictures that the bundled model is trained and measured on.
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DataError, LikenessError } from '@likeness/engine';
import { NOUNS } from './catalog.ts';
import { openDataset, writeMetadata, type DatasetRequest } from './dataset.ts';
import { SUBJECTS } from './heldOut.ts';
import { Painter } from './painter.ts';
import { SPLITS, USUAL_SHARES, type PicturePlan } from './plan.ts';
import { encodePicture } from './png.ts';
import {
  INSTANCE_PICTURES,
  STYLES,
  stylePlans,
  subjectFacts,
  SUBJECT_SIZE_PX,
  subjectPlans,
} from './subjects.ts';
import { vocabulary } from './vocabulary.ts';
import { drawInWorkers } from './workers.ts';

const USAGE = `pnpm doodle-data OUT --count N   captioned pictures: PNG files and metadata.jsonl (imagefolder)
  --split train|heldout|combos   training; drawings, or noun × scene pairs, that training never sees [train]
  --seed N      [0]               --size PX     side of the pictures [64]
  --recoloured SHARE  things in other colours than their drawing's [${String(USUAL_SHARES.recoloured)}]
  --sized SHARE       captions that say small or large [${String(USUAL_SHARES.sized)}]
  --often NOUN,NOUN   nouns that come once more in a round of the 50, each time they are named
  --workers N   threads [the processor's]
pnpm doodle-data OUT --make subjects|sheets|vocabulary   the held-out subjects and styles; the data card's pictures; the words
A folder that is there already is gone on with.`;

const { values, positionals } = readArguments();

try {
  await main();
} catch (error) {
  if (!(error instanceof LikenessError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const [outputDir] = positionals;
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (outputDir === undefined || positionals.length > 1) {
    throw new DataError('one folder is needed', {
      where: 'arguments',
      got: positionals.join(' ') || 'none',
      cure: USAGE,
    });
  }
  if (values.make === 'pictures') return makePictures(outputDir);
  await mkdir(outputDir, { recursive: true });
  if (values.make === 'subjects') return makeSubjects(outputDir);
  if (values.make === 'vocabulary') {
    return writeFile(join(outputDir, 'vocabulary.json'), `${JSON.stringify(vocabulary(), null, 2)}\n`);
  }
  oneOf('--make', values.make, ['pictures', 'subjects', 'sheets', 'vocabulary']);
  const { drawSheets } = await import('./sheets.ts'); // loads core, which pictures do without
  for await (const [name, webp] of drawSheets()) await writeFile(join(outputDir, `${name}.webp`), webp);
}

async function makePictures(outputDir: string): Promise<void> {
  const request: DatasetRequest = {
    outputDir,
    split: oneOf('--split', values.split, SPLITS),
    count: wholeNumber('--count', values.count, 1),
    seed: wholeNumber('--seed', values.seed, 0),
    sizePx: wholeNumber('--size', values.size, 16),
    shares: {
      recoloured: share('--recoloured', values.recoloured),
      sized: share('--sized', values.sized),
      often: nouns('--often', values.often),
    },
  };
  const workers = wholeNumber('--workers', values.workers, 1);
  const missing = await openDataset(request);
  const start = performance.now();
  const rate = (done: number): string =>
    `${(done / ((performance.now() - start) / 1000)).toFixed(0)} a second`;
  let shown = start;
  await drawInWorkers(request, missing, {
    script: new URL('./dataWorker.js', import.meta.url),
    workers,
    onProgress: (done) => {
      if (performance.now() - shown < 2000) return;
      shown = performance.now();
      console.error(`${String(done)} of ${String(missing.length)} pictures, ${rate(done)}`);
    },
  });
  await writeMetadata(request);
  console.error(
    `${String(missing.length)} pictures made, ${rate(missing.length)}; ${String(request.count)} in ${outputDir}`,
  );
}

async function makeSubjects(outputDir: string): Promise<void> {
  const painter = new Painter(SUBJECT_SIZE_PX);
  for (const subject of SUBJECTS)
    await writePhotos(painter, join(outputDir, subject.name), subjectPlans(subject));
  for (const { id } of STYLES) await writePhotos(painter, join(outputDir, 'styles', id), stylePlans(id));
  await writeFile(join(outputDir, 'subjects.json'), `${JSON.stringify(subjectFacts(), null, 1)}\n`);
}

/** `01.png` … and the others in `further/`. */
async function writePhotos(painter: Painter, folder: string, plans: readonly PicturePlan[]): Promise<void> {
  await mkdir(join(folder, 'further'), { recursive: true });
  for (const [i, plan] of plans.entries()) {
    const further = i >= INSTANCE_PICTURES;
    const name = `${String(further ? i + 1 - INSTANCE_PICTURES : i + 1).padStart(2, '0')}.png`;
    const png = encodePicture(await painter.paint(plan), SUBJECT_SIZE_PX);
    await writeFile(join(folder, further ? 'further' : '', name), png);
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        make: { type: 'string', default: 'pictures' },
        split: { type: 'string', default: 'train' },
        count: { type: 'string' },
        seed: { type: 'string', default: '0' },
        size: { type: 'string', default: '64' },
        recoloured: { type: 'string', default: String(USUAL_SHARES.recoloured) },
        sized: { type: 'string', default: String(USUAL_SHARES.sized) },
        often: { type: 'string', default: '' },
        workers: { type: 'string', default: String(availableParallelism()) },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

function wholeNumber(flag: string, text: string | undefined, least: number): number {
  const value = Number(text);
  if (text !== undefined && Number.isSafeInteger(value) && value >= least) return value;
  throw new DataError('not a whole number that can be used', {
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
  throw new DataError('not a share', { where: flag, expected: 'from 0 to 1', got: text || 'nothing' });
}

function oneOf<T extends string>(flag: string, text: string, names: readonly T[]): T {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new DataError('no such choice', { where: flag, expected: names.join(', '), got: text });
}
