// Text as outlines. A machine without fonts (most containers) would draw blank boxes, and one with others would
// draw different pictures; so the font comes along (Inter, SIL Open Font License) and becomes SVG paths.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import opentype, { type Font, type Glyph } from 'opentype.js';

export type Weight = 400 | 600;

export interface TextStyle {
  readonly sizePx: number;
  readonly weight: Weight;
}

/** In the order they are asked for a character; Inter has no other scripts. */
const SCRIPTS = ['latin', 'latin-ext', 'cyrillic', 'cyrillic-ext', 'greek', 'vietnamese'] as const;

const require = createRequire(import.meta.url);
const loaded = new Map<string, Font>();

function fontOf(script: string, weight: Weight): Font {
  const file = `@fontsource/inter/files/inter-${script}-${String(weight)}-normal.woff`;
  const known = loaded.get(file);
  if (known) return known;
  const bytes = readFileSync(require.resolve(file));
  const font = opentype.parse(new Uint8Array(bytes).buffer);
  loaded.set(file, font);
  return font;
}

interface PlacedGlyph {
  readonly glyph: Glyph;
  readonly x: number;
}

/**
 * One glyph a character. Not the library's own layout: that one stops at substitutions Inter's tables ask for
 * (ligatures and marks), which labels can do without, and it does not read Inter's kerning.
 */
function placeGlyphs(
  text: string,
  { sizePx, weight }: TextStyle,
): { glyphs: PlacedGlyph[]; widthPx: number } {
  const glyphs: PlacedGlyph[] = [];
  let x = 0;
  for (const character of text.normalize('NFC')) {
    const script = SCRIPTS.find((candidate) => fontOf(candidate, weight).charToGlyphIndex(character) > 0);
    const font = fontOf(script ?? 'latin', weight); // where no font has it, the first one's empty box
    const glyph = font.charToGlyph(character);
    glyphs.push({ glyph, x });
    x += ((glyph.advanceWidth ?? 0) * sizePx) / font.unitsPerEm;
  }
  return { glyphs, widthPx: x };
}

/** Width in pixels. */
export function textWidthPx(text: string, style: TextStyle): number {
  return placeGlyphs(text, style).widthPx;
}

/** SVG path data of one line, with its baseline's left end at (x, y). */
export function textPath(text: string, x: number, y: number, style: TextStyle): string {
  const { glyphs } = placeGlyphs(text, style);
  return glyphs.map((placed) => placed.glyph.getPath(x + placed.x, y, style.sizePx).toPathData(2)).join('');
}

/** Breaks text at spaces, and words too long for a line anywhere; past `maxLines` it ends in an ellipsis. */
export function wrapText(text: string, widthPx: number, style: TextStyle, maxLines = Infinity): string[] {
  const fits = (line: string): boolean => textWidthPx(line, style) <= widthPx;
  const lines: string[] = [];
  let line = '';
  for (const word of text.trim().split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (!fits(line) && line.length > 1) {
      const head = longestPrefix(line, fits);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  lines.push(line);
  if (lines.length <= maxLines) return lines;
  const kept = lines.slice(0, maxLines);
  let last = kept.pop() ?? '';
  while (last !== '' && !fits(`${last}…`)) last = [...last].slice(0, -1).join('');
  return [...kept, `${last.trimEnd()}…`];
}

/** At least one character, whole code points only. */
function longestPrefix(text: string, fits: (line: string) => boolean): string {
  let prefix = '';
  for (const character of text) {
    if (prefix !== '' && !fits(prefix + character)) break;
    prefix += character;
  }
  return prefix;
}
