// What the ending of a name says: a picture that is read, a picture that is not, and what to do about it.
import { basename, extname } from 'node:path';

const READ = new Set([
  ...['.jpg', '.jpeg', '.jpe', '.jif', '.jfif', '.pjpeg', '.pjp'],
  ...['.png', '.webp', '.avif', '.gif', '.tif', '.tiff'],
]);
/** Pictures of kinds that are not decoded here, and how each becomes one that is. */
const UNREAD: readonly { readonly endings: readonly string[]; readonly hint: string }[] = [
  {
    endings: ['.bmp', '.dib', '.tga', '.jp2', '.j2k', '.jxl', '.ppm', '.pgm', '.ico', '.psd', '.xcf', '.svg'],
    hint: 'save them as PNG to use them, with ImageMagick: magick "FILE" "NAME.png"',
  },
  { endings: ['.heic', '.heif'], hint: 'save HEIC photos as JPEG to use them' },
  {
    endings: ['.dng', '.cr2', '.cr3', '.nef', '.arw', '.orf', '.rw2', '.raf'],
    hint: 'develop raw photos and save them as JPEG to use them',
  },
  { endings: ['.jsonl'], hint: 'captions are read from a .txt beside each picture' },
];

const endingOf = (path: string): string => extname(path).toLowerCase();

export const isPictureName = (path: string): boolean => READ.has(endingOf(path));

/** Whether the ending is that of a picture of a kind that is not read. */
export const isUnreadPictureName = (path: string): boolean =>
  UNREAD.some(({ endings }) => endings.includes(endingOf(path)) && endingOf(path) !== '.jsonl');

/** ` (what to do)` for files that were left out. */
export function unreadHint(paths: readonly string[]): string {
  const hints = UNREAD.flatMap(({ endings, hint }) => {
    const first = paths.find((path) => endings.includes(endingOf(path)));
    return first === undefined
      ? []
      : [hint.replace('FILE', () => basename(first)).replace('NAME', () => basename(first, extname(first)))];
  });
  return hints.length === 0 ? '' : ` (${hints.join('; ')})`;
}
