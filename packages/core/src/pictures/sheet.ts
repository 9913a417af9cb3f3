// Contact sheets: rows of pictures, one row a prompt (or the subject's own), with labels on the left.
import sharp from 'sharp';
import type { RgbImage } from '../data/rgbImage.ts';
import { resizeImage } from '../data/resize.ts';
import { textPath, textWidthPx, wrapText, type TextStyle } from './lettering.ts';
import { writePng, type PngText } from './png.ts';

export interface SheetRow {
  readonly label: string;
  /** `null` leaves an empty frame. */
  readonly pictures: readonly (RgbImage | null)[];
}

export interface SheetOptions {
  /** Side of a picture's square place. Default 192: three times the bundled model's pictures. */
  readonly cellPx?: number;
  readonly title?: string;
  /** Labels above the columns. */
  readonly columns?: readonly string[];
  /** Kept in the PNG. */
  readonly text?: PngText;
}

const MARGIN_PX = 24;
const GAP_PX = 8;
const TITLE: TextStyle = { sizePx: 22, weight: 600 };
const LABEL: TextStyle = { sizePx: 15, weight: 400 };
const COLUMN: TextStyle = { sizePx: 14, weight: 600 };
const LINE_HEIGHT = 1.35;
const BACKGROUND = 0xf5;
const EMPTY = 0xe9;
const INK = '#26262b';
const QUIET_INK = '#66666e';

/** Draws the sheet and writes it as a PNG, whole or not at all. */
export async function writeSheet(
  path: string,
  rows: readonly SheetRow[],
  options: SheetOptions = {},
): Promise<void> {
  await writePng(path, await renderSheet(rows, options), options.text);
}

/** The sheet as a picture. Small pictures are enlarged by whole factors with hard pixels, large ones shrunk. */
export async function renderSheet(rows: readonly SheetRow[], options: SheetOptions = {}): Promise<RgbImage> {
  const layout = layOut(rows, options);
  const { width, height, cellPx } = layout;
  const data = new Uint8Array(width * height * 3).fill(BACKGROUND);
  rows.forEach(({ pictures }, row) => {
    pictures.forEach((picture, column) => {
      const left = layout.cellLeft(column);
      const top = layout.cellTop(row);
      if (picture) paintPicture(data, width, fitInto(picture, cellPx), left, top, cellPx);
      else paintRectangle(data, width, left, top, cellPx, cellPx, EMPTY);
    });
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}">${layout.texts.join('')}</svg>`;
  const lettered = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .composite([{ input: Buffer.from(svg), limitInputPixels: false }])
    .removeAlpha()
    .raw()
    .toBuffer();
  return { width, height, data: lettered };
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly cellPx: number;
  readonly cellLeft: (column: number) => number;
  readonly cellTop: (row: number) => number;
  /** SVG elements. */
  readonly texts: readonly string[];
}

function layOut(rows: readonly SheetRow[], { cellPx = 192, title, columns = [] }: SheetOptions): Layout {
  const numColumns = Math.max(1, columns.length, ...rows.map(({ pictures }) => pictures.length));
  const labelPx = labelWidthPx(rows, cellPx);
  const gridLeft = MARGIN_PX + (labelPx === 0 ? 0 : labelPx + 2 * GAP_PX);
  const width = gridLeft + numColumns * (cellPx + GAP_PX) - GAP_PX + MARGIN_PX;
  const texts: string[] = [];

  const titleLines = title ? wrapText(title, width - 2 * MARGIN_PX, TITLE) : [];
  addLines(texts, titleLines, MARGIN_PX, MARGIN_PX, TITLE, INK);
  const titlePx = titleLines.length === 0 ? 0 : heightPx(titleLines.length, TITLE) + GAP_PX;

  const columnLines = columns.map((label) => wrapText(label, cellPx, COLUMN, 2));
  const headLines = Math.max(0, ...columnLines.map((lines) => lines.length));
  const headPx = headLines === 0 ? 0 : heightPx(headLines, COLUMN) + GAP_PX;
  const gridTop = MARGIN_PX + titlePx + headPx;
  const cellLeft = (column: number): number => gridLeft + column * (cellPx + GAP_PX);
  columnLines.forEach((lines, column) => {
    const top = gridTop - GAP_PX - heightPx(lines.length, COLUMN); // the last lines of all columns stand level
    lines.forEach((line, i) => {
      const centered = cellLeft(column) + (cellPx - textWidthPx(line, COLUMN)) / 2;
      addLines(texts, [line], centered, top + heightPx(i, COLUMN), COLUMN, QUIET_INK);
    });
  });

  const cellTop = (row: number): number => gridTop + row * (cellPx + GAP_PX);
  const maxLines = Math.max(1, Math.floor(cellPx / heightPx(1, LABEL)));
  rows.forEach(({ label }, row) => {
    if (labelPx === 0) return;
    const lines = wrapText(label, labelPx, LABEL, maxLines);
    const top = cellTop(row) + (cellPx - heightPx(lines.length, LABEL)) / 2;
    addLines(texts, lines, MARGIN_PX, top, LABEL, INK);
  });
  const height = cellTop(rows.length) - (rows.length === 0 ? 0 : GAP_PX) + MARGIN_PX;
  return { width, height, cellPx, cellLeft, cellTop, texts };
}

/** As wide as the longest label, within a cell's width (at least 160 px, so that prompts wrap between words). */
function labelWidthPx(rows: readonly SheetRow[], cellPx: number): number {
  const longest = Math.max(0, ...rows.map(({ label }) => textWidthPx(label.trim(), LABEL)));
  return Math.ceil(Math.min(longest, Math.max(160, cellPx)));
}

function heightPx(lines: number, { sizePx }: TextStyle): number {
  return Math.round(lines * sizePx * LINE_HEIGHT);
}

function addLines(
  texts: string[],
  lines: readonly string[],
  left: number,
  top: number,
  style: TextStyle,
  fill: string,
): void {
  lines.forEach((line, i) => {
    const baseline = top + heightPx(i, style) + style.sizePx * 1.02;
    texts.push(`<path fill="${fill}" d="${textPath(line, left, baseline, style)}"/>`);
  });
}

/** At most `cellPx` each way, aspect ratio kept. */
function fitInto(picture: RgbImage, cellPx: number): RgbImage {
  const longer = Math.max(picture.width, picture.height);
  if (longer <= cellPx) return enlarge(picture, Math.floor(cellPx / longer));
  const scaled = (length: number): number => Math.max(1, Math.round((length * cellPx) / longer));
  return resizeImage(picture, scaled(picture.width), scaled(picture.height), 'lanczos');
}

/** Every pixel becomes a square of `factor` pixels: what the model made stays visible as it is. */
function enlarge(picture: RgbImage, factor: number): RgbImage {
  if (factor === 1) return picture;
  const width = picture.width * factor;
  const height = picture.height * factor;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor(y / factor) * picture.width + Math.floor(x / factor)) * 3;
      data.set(picture.data.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return { width, height, data };
}

/** In the middle of its cell. */
function paintPicture(
  canvas: Uint8Array,
  canvasWidth: number,
  picture: RgbImage,
  cellLeft: number,
  cellTop: number,
  cellPx: number,
): void {
  const left = cellLeft + Math.floor((cellPx - picture.width) / 2);
  const top = cellTop + Math.floor((cellPx - picture.height) / 2);
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
    canvas.set(row, ((top + y) * canvasWidth + left) * 3);
  }
}

function paintRectangle(
  canvas: Uint8Array,
  canvasWidth: number,
  left: number,
  top: number,
  width: number,
  height: number,
  gray: number,
): void {
  for (let y = top; y < top + height; y++) {
    canvas.fill(gray, (y * canvasWidth + left) * 3, (y * canvasWidth + left + width) * 3);
  }
}
