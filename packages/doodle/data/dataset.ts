// A folder of captioned pictures in Hugging Face's imagefolder layout: PNG files and `metadata.jsonl`. What is there
// stays: a stopped run goes on, and a larger count adds to a smaller one.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { DataError } from '@likeness/engine';
import type { Painter } from './painter.ts';
import { encodePicture } from './png.ts';
import { planPicture, sceneColumn, USUAL_SHARES, type PicturePlan, type Shares, type Split } from './plan.ts';

export interface DatasetRequest {
  readonly outputDir: string;
  readonly split: Split;
  readonly seed: number;
  readonly sizePx: number;
  readonly count: number;
  readonly shares: Shares;
}

/** One line of `metadata.jsonl`. Null: not asked for. */
export interface Columns {
  readonly file_name: string;
  readonly text: string;
  readonly noun: string;
  readonly scene: string;
  readonly scene_named: boolean;
  readonly colour: string | null;
  readonly size: string | null;
  readonly place: string | null;
  readonly drawing: string;
  readonly set: string;
}

/** To be raised when the same seed no longer gives the same pictures. */
const RECIPE = 1;
const MANIFEST = 'doodle.json';
const METADATA = 'metadata.jsonl';

export function columnsOf(index: number, plan: PicturePlan): Columns {
  return {
    file_name: fileName(index),
    text: plan.text,
    noun: plan.noun,
    scene: sceneColumn(plan.background),
    scene_named: plan.sceneNamed,
    colour: plan.colour ?? null,
    size: plan.size ?? null,
    place: plan.place ?? null,
    drawing: plan.drawing,
    set: plan.drawing.split(':')[0] ?? '',
  };
}

/**
 * Opens the folder and says which pictures are still to be made.
 * @throws DataError when the folder holds other things, or pictures of another seed, split, size or recipe
 */
export async function openDataset({
  outputDir,
  split,
  seed,
  sizePx,
  count,
  shares,
}: DatasetRequest): Promise<number[]> {
  await mkdir(outputDir, { recursive: true });
  const facts = { recipe: RECIPE, split, seed, size: sizePx, ...unusual(shares) };
  const manifest = `${JSON.stringify(facts, null, 1)}\n`;
  const path = join(outputDir, MANIFEST);
  const there = await readdir(outputDir);
  if (existsSync(path)) {
    const got = await readFile(path, 'utf8');
    if (got !== manifest) {
      throw new DataError('the folder holds pictures that were made otherwise', {
        code: 'data/made-otherwise',
        where: path,
        expected: oneLine(manifest),
        got: oneLine(got),
        hint: 'name another folder, or remove this one',
      });
    }
  } else if (there.length > 0) {
    throw new DataError('the folder is not empty and holds no pictures of ours', {
      code: 'file/not-empty',
      where: outputDir,
      expected: `an empty folder, or one with ${MANIFEST}`,
      got: there.slice(0, 3).join(', '),
      hint: 'name a new folder',
    });
  } else {
    await writeWhole(path, manifest);
  }
  const made = new Set(there);
  return Array.from({ length: count }, (_, i) => i).filter((i) => !made.has(fileName(i)));
}

/** Draws one picture into the folder. */
export async function writePicture(painter: Painter, request: DatasetRequest, index: number): Promise<void> {
  const { outputDir, split, seed, sizePx, shares } = request;
  const pixels = await painter.paint(planPicture(seed, split, index, shares));
  await writeWhole(join(outputDir, fileName(index)), encodePicture(pixels, sizePx));
}

/** Writes the captions and columns, when all pictures are there: their presence says that the folder is complete. */
export async function writeMetadata({
  outputDir,
  split,
  seed,
  count,
  shares,
}: DatasetRequest): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) =>
    JSON.stringify(columnsOf(i, planPicture(seed, split, i, shares))),
  );
  await writeWhole(join(outputDir, METADATA), `${lines.join('\n')}\n`);
}

/** Those that differ from the usual: a folder of usual ones is what it was before shares could be chosen. */
function unusual(shares: Shares): Partial<Shares> {
  return Object.fromEntries(
    Object.entries(shares).filter(
      ([name, share]) => !isDeepStrictEqual(share, USUAL_SHARES[name as keyof Shares]),
    ),
  );
}

function fileName(index: number): string {
  return `${String(index).padStart(7, '0')}.png`;
}

/** Under a temporary name first: a file is whole or absent. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}

function oneLine(json: string): string {
  return json.replace(/\s+/g, ' ').trim();
}
