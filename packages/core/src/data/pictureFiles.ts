// Which files of a folder are pictures, and what lies beside each: its mask and its caption.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, normalize } from 'node:path';

import { DataError, withFileErrors, type Warning } from '../errors.ts';
import { listed, printable } from './printable.ts';
import { isPictureName, unreadHint } from './pictureNames.ts';

export interface PictureFile {
  readonly path: string;
  readonly maskPath?: string;
  /** The `.txt` that belongs to the picture. */
  readonly captionPath?: string;
}

export interface PictureFiles {
  readonly files: readonly PictureFile[];
  /** What was left out and why. */
  readonly warnings: readonly Warning[];
}

/**
 * The pictures of a folder (not of the folders in it) or of a list of paths, in code point order of their names:
 * never in the order of the file system.
 *
 * The caption of `IMG_1.jpg` is `IMG_1.txt`, or else `IMG_1.jpg.txt`, or else the one text whose name differs in
 * capitals or in how accents are written (NFC, NFD); likewise its mask.
 * @throws DataError when the folder is missing or is no folder; FileError when it may not be read
 */
export async function findPictures(
  source: string | readonly string[],
  maskSuffix: string,
): Promise<PictureFiles> {
  const paths = typeof source === 'string' ? await listFolder(source) : source.map((path) => normalize(path));
  paths.sort(byCodePoint);
  const named = (path: string): string => printable(typeof source === 'string' ? basename(path) : path);
  const isMask = (path: string): boolean => withLowerCaseExtension(path).endsWith(maskSuffix);
  const pictures = paths.filter((path) => !isMask(path) && isPictureName(path));

  const beside = await neighbours(paths);
  const masks = assigned(pictures, (path) => [stemOf(path) + maskSuffix], beside);
  const captions = assigned(pictures, (path) => [`${stemOf(path)}.txt`, `${path}.txt`], beside);
  const files = pictures.map((path): PictureFile => {
    const [maskPath, captionPath] = [masks.get(path), captions.get(path)];
    return {
      path,
      ...(maskPath === undefined ? {} : { maskPath }),
      ...(captionPath === undefined ? {} : { captionPath }),
    };
  });

  const used = new Set([...masks.values(), ...captions.values()]);
  const left = paths.filter((path) => !used.has(path));
  const warnings: Warning[] = left.filter(isMask).map((path) => {
    const text = `${named(path)}: a mask without a picture beside it is not used`;
    return { code: 'data/mask-without-picture', text };
  });
  const others = left.filter((path) => !isMask(path) && !isPictureName(path));
  const texts = others.filter(isText);
  if (texts.length > 0) {
    const text = `captions that belong to no picture are not used: ${listed(texts.map(named))}; the caption of photo.jpg is photo.txt`;
    warnings.push({ code: 'data/caption-without-picture', text });
  }
  const unread = others.filter((path) => !isText(path));
  if (unread.length > 0) {
    const text = `left out, not pictures that can be read by their names: ${listed(unread.map(named))}${unreadHint(unread)}`;
    warnings.push({ code: 'data/not-a-picture', text });
  }
  return { files, warnings };
}

const isText = (path: string): boolean => extname(path).toLowerCase() === '.txt';

const stemOf = (path: string): string => path.slice(0, path.length - extname(path).length);

/** Code point order; JavaScript's own `<` compares UTF-16 units, which differ beyond U+FFFF. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function listFolder(folder: string): Promise<string[]> {
  const expected = 'a folder of pictures';
  const found = await withFileErrors(folder, () =>
    stat(folder).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }),
  );
  if (!found)
    throw new DataError('there is nothing at this path', {
      code: 'file/missing',
      where: folder,
      expected,
      got: 'no such folder',
    });
  if (!found.isDirectory()) {
    const hint = 'give its folder, or a list of files';
    throw new DataError('not a folder', {
      code: 'file/not-a-folder',
      where: folder,
      expected,
      got: 'a file',
      hint,
    });
  }
  const entries = await withFileErrors(folder, () => readdir(folder, { withFileTypes: true }));
  const visible = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'));
  return visible.map((entry) => join(folder, entry.name));
}

interface Neighbours {
  /** A file of exactly this name; its extension may be in capitals. */
  exact(path: string): string | undefined;
  /** Files whose names differ at most in capitals and in how accents are written. */
  alike(path: string): readonly string[];
}

/** The files in the folders of `paths`. */
async function neighbours(paths: readonly string[]): Promise<Neighbours> {
  const exact = new Map<string, string>();
  const alike = new Map<string, string[]>();
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    const names = await readdir(folder).catch(() => []); // a missing file is reported where it is decoded
    for (const name of names) {
      const path = join(folder, name);
      exact.set(withLowerCaseExtension(path), path);
      alike.set(folded(path), [...(alike.get(folded(path)) ?? []), path]);
    }
  }
  return { exact: (path) => exact.get(path), alike: (path) => alike.get(folded(path)) ?? [] };
}

/** What Windows and macOS take for the same name. */
function folded(path: string): string {
  return join(dirname(path), basename(path).normalize('NFC').toLowerCase());
}

/**
 * The file beside each picture that is called by the first of its names that is there. A name that only resembles is
 * taken where nothing else could be meant: one file, one picture.
 */
function assigned(
  pictures: readonly string[],
  namesOf: (picture: string) => readonly string[],
  beside: Neighbours,
): Map<string, string> {
  const found = new Map<string, string>();
  for (const picture of pictures) {
    const path = namesOf(picture).flatMap((name) => beside.exact(name) ?? [])[0];
    if (path !== undefined) found.set(picture, path);
  }
  const taken = new Set(found.values());
  const claims = new Map<string, string[]>();
  for (const picture of pictures.filter((path) => !found.has(path))) {
    const [only, ...more] = new Set(namesOf(picture).flatMap((name) => beside.alike(name)));
    if (only === undefined || more.length > 0 || taken.has(only)) continue;
    claims.set(only, [...(claims.get(only) ?? []), picture]);
  }
  for (const [path, [picture, ...others]] of claims)
    if (picture !== undefined && others.length === 0) found.set(picture, path);
  return found;
}

function withLowerCaseExtension(path: string): string {
  return stemOf(path) + extname(path).toLowerCase();
}
