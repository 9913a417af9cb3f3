// Which files of a folder are pictures, and what lies beside each: its mask and its caption.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, normalize } from 'node:path';
import { DataError, type Warning } from '../errors.ts';

const PICTURE_EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff']);

export interface PictureFile {
  readonly path: string;
  readonly maskPath?: string;
  /** Text of the `.txt` beside the picture, trimmed. */
  readonly caption?: string;
}

export interface PictureFiles {
  readonly files: readonly PictureFile[];
  /** What was left out and why. */
  readonly warnings: readonly Warning[];
}

/**
 * The pictures of a folder (not of the folders in it) or of a list of paths, in code point order of their names:
 * never in the order of the file system.
 * @throws DataError when the folder is missing or is no folder
 */
export async function findPictures(
  source: string | readonly string[],
  maskSuffix: string,
): Promise<PictureFiles> {
  const paths = typeof source === 'string' ? await listFolder(source) : source.map((path) => normalize(path));
  paths.sort(byCodePoint);
  const named = (path: string): string => (typeof source === 'string' ? basename(path) : path);
  const isMask = (path: string): boolean => withLowerCaseExtension(path).endsWith(maskSuffix);
  const isPicture = (path: string): boolean => PICTURE_EXTENSIONS.has(extname(path).toLowerCase());

  const beside = await neighbours(paths);
  const usedMasks = new Set<string>();
  const files: PictureFile[] = [];
  const warnings: Warning[] = [];
  for (const path of paths.filter((candidate) => !isMask(candidate) && isPicture(candidate))) {
    const stem = path.slice(0, path.length - extname(path).length);
    const maskPath = beside(stem + maskSuffix);
    if (maskPath !== undefined) usedMasks.add(maskPath);
    const captionPath = beside(`${stem}.txt`);
    const caption = captionPath === undefined ? undefined : (await readFile(captionPath, 'utf8')).trim();
    if (caption === '') {
      const text = `${named(path)}: its caption file is empty and is not used`;
      warnings.push({ code: 'data/empty-caption', text });
    }
    files.push({ path, ...(maskPath === undefined ? {} : { maskPath }), ...(caption ? { caption } : {}) });
  }

  for (const path of paths.filter((candidate) => isMask(candidate) && !usedMasks.has(candidate))) {
    const text = `${named(path)}: a mask without a picture beside it is not used`;
    warnings.push({ code: 'data/mask-without-picture', text });
  }
  const others = paths.filter(
    (path) => !isMask(path) && !isPicture(path) && extname(path).toLowerCase() !== '.txt',
  );
  if (others.length > 0) {
    const text = `not pictures by their names, ignored: ${others.map(named).join(', ')}${heicHint(others)}`;
    warnings.push({ code: 'data/not-a-picture', text });
  }
  return { files, warnings };
}

/** Code point order; JavaScript's own `<` compares UTF-16 units, which differ beyond U+FFFF. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function listFolder(folder: string): Promise<string[]> {
  const expected = 'a folder of pictures';
  const found = await stat(folder).catch(() => undefined);
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
  const entries = await readdir(folder, { withFileTypes: true });
  const visible = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'));
  return visible.map((entry) => join(folder, entry.name));
}

/** Finds a file in the folders of `paths`; its extension may be in capitals. */
async function neighbours(paths: readonly string[]): Promise<(path: string) => string | undefined> {
  const found = new Map<string, string>();
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    const names = await readdir(folder).catch(() => []); // a missing file is reported where it is decoded
    for (const name of names) found.set(withLowerCaseExtension(join(folder, name)), join(folder, name));
  }
  return (path) => found.get(path);
}

function withLowerCaseExtension(path: string): string {
  const extension = extname(path);
  return path.slice(0, path.length - extension.length) + extension.toLowerCase();
}

function heicHint(paths: readonly string[]): string {
  return paths.some((path) => /\.hei[cf]$/i.test(path)) ? ' (save HEIC photos as JPEG to use them)' : '';
}
