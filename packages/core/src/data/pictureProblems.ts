// What is wrong with a folder of pictures, as one error that names everything.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, type Warning } from '../errors.ts';
import { isPictureName, isUnreadPictureName, unreadHint } from './pictureNames.ts';
import { listed, printable } from './printable.ts';

/** One thing that is wrong, in a line that names the file. */
export interface Problem {
  readonly code: string;
  readonly text: string;
}

/** All problems in one error; its code is theirs where they are of one kind. */
export function picturesError(
  source: string | readonly string[],
  called: string,
  problems: readonly Problem[],
  warnings: readonly Warning[],
): DataError {
  const count = problems.length === 1 ? 'a problem' : `${String(problems.length)} problems`;
  const kinds = new Set(problems.map(({ code }) => code));
  const [kind] = kinds;
  return new DataError(`${count} with the ${called}`, {
    code: kinds.size === 1 && kind !== undefined ? kind : 'data/unusable-pictures',
    where: whereOf(source, called),
    details: [...problems, ...warnings.map(({ text }) => ({ text: `(note) ${text}` }))].map(
      ({ text }) => text,
    ),
    hint: 'repair or remove the files named above, then run again',
  });
}

/** A folder without a picture: what is there instead, and where pictures are. */
export async function noPictures(
  source: string | readonly string[],
  called: string,
  warnings: readonly Warning[],
): Promise<DataError> {
  const entries = typeof source === 'string' ? await readdir(source, { withFileTypes: true }) : [];
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'));
  const names = files.map(({ name }) => name).sort();
  const below = typeof source === 'string' ? await withPictures(source, folders.sort()) : [];
  const unread = names.filter(isUnreadPictureName);
  const [first] = below;
  return new DataError(`there are no ${called} here`, {
    code: 'data/no-pictures',
    where: whereOf(source, called),
    expected: 'JPEG, PNG, WebP, AVIF, GIF or TIFF files in the folder itself',
    got:
      below.length > 0
        ? `pictures in folders below: ${listed(below.map(printable))}`
        : unread.length > 0
          ? `pictures of kinds that are not read: ${listed(unread.map(printable))}`
          : names.length > 0
            ? `other files: ${listed(names.map(printable))}`
            : 'an empty folder',
    details: below.length > 0 ? [] : warnings.map(({ text }) => `(note) ${text}`),
    hint:
      first !== undefined
        ? `name the folder the ${called} are in: ${printable(first)}`
        : unreadHint(unread).replace(/^ \((.*)\)$/s, '$1') || 'put pictures there, or name another folder',
  });
}

/** The folders that hold a picture, a level or two down. */
async function withPictures(folder: string, names: readonly string[], levels = 2): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    if (entries.some((entry) => !entry.isDirectory() && isPictureName(entry.name))) found.push(path);
    else if (levels > 1) {
      const below = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
      found.push(...(await withPictures(path, below.sort(), levels - 1)));
    }
  }
  return found;
}

const whereOf = (source: string | readonly string[], called: string): string =>
  typeof source === 'string' ? source : called;
