// The drawing sets: where each comes from, whose it is, under which licence, and how to get a drawing out of it.
// They are development dependencies: nothing of them is in the packed package but what the pictures show.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { DrawingId } from './catalog.ts';

export interface DrawingSet {
  /** As in a {@link DrawingId}. */
  readonly id: string;
  readonly npm: string;
  readonly title: string;
  readonly author: string;
  readonly source: string;
  /** SPDX. */
  readonly licence: 'Apache-2.0' | 'CC-BY-4.0' | 'MIT';
  /** `style`: held out whole, for measuring whether a method learns a way of drawing. */
  readonly use: 'train' | 'style';
}

export const DRAWING_SETS: readonly DrawingSet[] = [
  set('noto', 'Noto Emoji', 'Google Inc.', 'github.com/googlefonts/noto-emoji', 'Apache-2.0'),
  set(
    'noto-v1',
    'Noto Emoji, first version',
    'Google Inc.',
    'github.com/googlefonts/noto-emoji',
    'Apache-2.0',
  ),
  set('twemoji', 'Twemoji', 'Twitter, Inc and other contributors', 'github.com/jdecked/twemoji', 'CC-BY-4.0'),
  set('emojione', 'EmojiOne 2.3', 'Emoji One', 'github.com/EmojiTwo/emojitwo', 'CC-BY-4.0'),
  set(
    'fluent-emoji-flat',
    'Fluent Emoji, flat',
    'Microsoft Corporation',
    'github.com/microsoft/fluentui-emoji',
    'MIT',
  ),
  set('fxemoji', 'FxEmoji', 'Mozilla Foundation', 'github.com/mozilla/fxemoji', 'Apache-2.0'),
  {
    ...set(
      'streamline-emojis',
      'Streamline Emojis',
      'Streamline',
      'github.com/webalys-hq/streamline-vectors',
      'CC-BY-4.0',
    ),
    use: 'style',
  },
  {
    ...set(
      'fluent-emoji-high-contrast',
      'Fluent Emoji, high contrast',
      'Microsoft Corporation',
      'github.com/microsoft/fluentui-emoji',
      'MIT',
    ),
    use: 'style',
  },
];

/**
 * A drawing as SVG.
 * @param sidePx width and height it is given
 * @throws RangeError when the set or the drawing does not exist
 */
export function drawingSvg(id: DrawingId, sidePx: number): string {
  const [setId = '', name = ''] = id.split(':');
  const { npm } = drawingSet(setId);
  const icons = iconsOf(npm);
  const icon = icons.icons[name];
  if (icon === undefined) throw new RangeError(`no drawing ${name} in ${npm}`);
  const width = icon.width ?? icons.width ?? DEFAULT_SIDE;
  const height = icon.height ?? icons.height ?? DEFAULT_SIDE;
  const box = [icon.left ?? 0, icon.top ?? 0, width, height].join(' ');
  const side = String(sidePx);
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${box}" width="${side}" height="${side}" color="${INK}">${icon.body}</svg>`;
}

/** @throws RangeError for an id that no set has */
export function drawingSet(id: string): DrawingSet {
  const found = DRAWING_SETS.find((candidate) => candidate.id === id);
  if (found === undefined) throw new RangeError(`no drawing set ${id}`);
  return found;
}

/** Of drawings that leave it open (`currentColor`): near black. */
const INK = '#26262b';

/** Iconify's default for sets that name no size. */
const DEFAULT_SIDE = 16;

interface Icon {
  readonly body: string;
  readonly left?: number;
  readonly top?: number;
  readonly width?: number;
  readonly height?: number;
}

interface Icons {
  readonly icons: Readonly<Record<string, Icon>>;
  readonly width?: number;
  readonly height?: number;
}

const opened = new Map<string, Icons>();

function iconsOf(npm: string): Icons {
  let icons = opened.get(npm);
  if (icons === undefined) {
    icons = JSON.parse(readFileSync(join(packageDir(npm), 'icons.json'), 'utf8')) as Icons;
    opened.set(npm, icons);
  }
  return icons;
}

function packageDir(npm: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${npm}/package.json`));
}

function set(
  id: string,
  title: string,
  author: string,
  source: string,
  licence: DrawingSet['licence'],
): DrawingSet {
  return {
    id,
    npm: `@iconify-json/${id}`,
    title,
    author,
    source: `https://${source}`,
    licence,
    use: 'train',
  };
}
