// The data card's pictures: what scenes, nouns, colours, styles and subjects look like, by rule and not by choice.
import { renderSheet, type RgbImage, type SheetRow } from '@likeness/core';
import sharp from 'sharp';
import { NOUNS, type DrawingId } from './catalog.ts';
import { COLOUR_WORDS, type ColourWord } from './colours.ts';
import { SUBJECTS } from './heldOut.ts';
import type { Layout } from './layout.ts';
import { lookOf, neighbours } from './nearCopies.ts';
import { Painter } from './painter.ts';
import { planPicture, type Background, type PicturePlan } from './plan.ts';
import { SCENES } from './scenes/index.ts';
import { INSTANCE_PICTURES, STYLES, stylePlans, SUBJECT_SIZE_PX, subjectPlans } from './subjects.ts';

const PICTURE_PX = 64;
const TRAIN_ROWS = 8;
const TRAIN_COLUMNS = 20;
/** Variants of each scene. */
const SCENE_COLUMNS = 8;
const SHEET_SEED = 0;

/** Name and picture of every sheet. */
export async function* drawSheets(): AsyncGenerator<readonly [name: string, webp: Buffer]> {
  const small = new Painter(PICTURE_PX);
  const large = new Painter(SUBJECT_SIZE_PX);
  yield ['train', await sheet(await trainRows(small), PICTURE_PX)];
  yield ['scenes', await sheet(await sceneRows(small), PICTURE_PX)];
  yield ['nouns', await sheet(await nounRows(small), PICTURE_PX)];
  yield ['colours', await sheet(await colourRows(small), PICTURE_PX, COLOUR_WORDS)];
  yield ['styles', await sheet(await styleRows(large), 72)];
  yield ['subjects', await sheet(await subjectRows(large), 72)];
  yield ['neighbours', await sheet(await neighbourRows(large), 64, ['held out', ...NEAREST])];
}

const NEAREST = ['nearest', '2nd', '3rd', '4th', 'by lines', '2nd', '3rd', '4th'] as const;

async function sheet(
  rows: readonly SheetRow[],
  cellPx: number,
  columns: readonly string[] = [],
): Promise<Buffer> {
  const { data, width, height } = await renderSheet(rows, { cellPx, columns });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality: 74 })
    .toBuffer();
}

async function trainRows(painter: Painter): Promise<SheetRow[]> {
  const plans = Array.from({ length: TRAIN_ROWS * TRAIN_COLUMNS }, (_, i) =>
    planPicture(SHEET_SEED, 'train', i),
  );
  const pictures = await paintAll(painter, plans, PICTURE_PX);
  return Array.from({ length: TRAIN_ROWS }, (_, row) => ({
    label: '',
    pictures: pictures.slice(row * TRAIN_COLUMNS, (row + 1) * TRAIN_COLUMNS),
  }));
}

/** Each scene in its first variants, with nouns in turn. */
async function sceneRows(painter: Painter): Promise<SheetRow[]> {
  return Promise.all(
    SCENES.map(async (scene, row) => {
      const plans = Array.from({ length: SCENE_COLUMNS }, (_, column) => {
        const { drawings } = NOUNS[(row * SCENE_COLUMNS + column * 3) % NOUNS.length] ?? { drawings: [] };
        const background = { scene, variant: column, mirrored: false };
        return still(drawings[0] ?? '', background, scene.footing === 'stand' || scene.footing === 'wade');
      });
      return { label: scene.phrases[0], pictures: await paintAll(painter, plans, PICTURE_PX) };
    }),
  );
}

async function nounRows(painter: Painter): Promise<SheetRow[]> {
  return Promise.all(
    NOUNS.map(async ({ noun, drawings }) => ({
      label: noun,
      pictures: await paintAll(
        painter,
        drawings.map((drawing) => still(drawing, PAPER)),
        PICTURE_PX,
      ),
    })),
  );
}

async function colourRows(painter: Painter): Promise<SheetRow[]> {
  const rows = NOUNS.filter((_, i) => i % 4 === 0);
  return Promise.all(
    rows.map(async ({ noun, drawings }) => ({
      label: noun,
      pictures: await paintAll(
        painter,
        COLOUR_WORDS.map((colour) => still(drawings[0] ?? '', PAPER, false, colour)),
        PICTURE_PX,
      ),
    })),
  );
}

async function styleRows(painter: Painter): Promise<SheetRow[]> {
  return Promise.all(
    STYLES.map(async ({ id, title }) => ({
      label: title,
      pictures: await paintAll(painter, stylePlans(id), SUBJECT_SIZE_PX),
    })),
  );
}

async function subjectRows(painter: Painter): Promise<SheetRow[]> {
  const rows: SheetRow[] = [];
  for (const subject of SUBJECTS) {
    const pictures = await paintAll(painter, subjectPlans(subject), SUBJECT_SIZE_PX);
    const further = pictures.slice(INSTANCE_PICTURES);
    rows.push({ label: subject.name, pictures: [...pictures.slice(0, INSTANCE_PICTURES), null, ...further] });
  }
  return rows;
}

async function neighbourRows(painter: Painter): Promise<SheetRow[]> {
  const train = await Promise.all(NOUNS.flatMap(({ drawings }) => drawings).map(lookOf));
  const rows: SheetRow[] = [];
  for (const { name, drawing } of SUBJECTS) {
    const alike = neighbours(await lookOf(drawing), train);
    const byLines = [...alike].sort((a, b) => b.lines - a.lines);
    const shown = [
      drawing,
      ...alike.slice(0, 4).map(({ id }) => id),
      ...byLines.slice(0, 4).map(({ id }) => id),
    ];
    const plans = shown.map((id) => still(id, PAPER));
    const measures = `${(alike[0]?.distance ?? 0).toFixed(2)}, ${(byLines[0]?.lines ?? 0).toFixed(2)}`;
    rows.push({ label: `${name} (${measures})`, pictures: await paintAll(painter, plans, SUBJECT_SIZE_PX) });
  }
  return rows;
}

const PAPER: Background = { flat: 'white', shade: [0, 0, 0] };

/** A thing held still: the same size and place wherever it is shown. */
function still(
  drawing: DrawingId,
  background: Background,
  standing = false,
  colour?: ColourWord,
): PicturePlan {
  const ground = 'scene' in background ? (background.scene.ground?.[1] ?? 90) / 100 : 0.9;
  const layout: Layout = {
    scale: 0.76,
    x: 0.5,
    y: standing ? Math.max(ground, 0.76) : 0.5,
    standing,
    degrees: 0,
    mirrored: false,
    exposure: [1, 1, 1],
  };
  return {
    text: '',
    noun: '',
    drawing,
    background,
    sceneNamed: false,
    layout,
    ...(colour === undefined ? {} : { colour }),
  };
}

async function paintAll(
  painter: Painter,
  plans: readonly PicturePlan[],
  sizePx: number,
): Promise<RgbImage[]> {
  const pictures: RgbImage[] = [];
  for (const plan of plans) {
    pictures.push({ width: sizePx, height: sizePx, data: await painter.paint(plan) });
  }
  return pictures;
}
