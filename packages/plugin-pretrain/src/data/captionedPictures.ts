// Captioned pictures of a folder: `picture.png` with `picture.txt` beside it, or Hugging Face's imagefolder layout,
// `metadata.jsonl` with `file_name`, `text` and columns of any further facts.
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DataError, findPictures, LikenessError, printable, readTextFile } from '@likeness/core';
import { z } from 'zod';
import { isInside } from './inside.ts';

export interface CaptionedPicture {
  readonly path: string;
  readonly caption: string;
  /** Further facts, by column: `noun` → `dog`. */
  readonly columns: Readonly<Record<string, string>>;
}

const METADATA = 'metadata.jsonl';
const TOLD_PROBLEMS = 12;

/**
 * The pictures of folders, in the order of the metadata, or of their names.
 * @throws DataError naming what is wrong with lines, captions and files, of all folders
 */
export async function findCaptionedPictures(
  folders: string | readonly string[],
): Promise<CaptionedPicture[]> {
  const problems: string[] = [];
  const pictures: CaptionedPicture[] = [];
  for (const folder of typeof folders === 'string' ? [folders] : folders) {
    const metadata = join(folder, METADATA);
    const found = existsSync(metadata)
      ? fromMetadata(folder, await readTextFile(metadata), problems)
      : await fromTextFiles(folder, problems);
    for (const picture of found) pictures.push(picture);
  }
  if (pictures.length === 0 && problems.length === 0) problems.push('no captioned picture');
  if (problems.length > 0) {
    const told = problems.slice(0, TOLD_PROBLEMS);
    throw new DataError('the captioned pictures cannot be used', {
      code: 'pretrain/unusable-pictures',
      where: typeof folders === 'string' ? folders : folders.join(', '),
      details: [
        ...told,
        ...(problems.length > told.length ? [`and ${problems.length - told.length} more`] : []),
      ],
      hint: `a folder of pictures with a .txt beside each, or with a ${METADATA}: {"file_name": "1.png", "text": "a dog"} a line`,
    });
  }
  return pictures;
}

const line = z.looseObject({ file_name: z.string().min(1), text: z.string() });

function fromMetadata(folder: string, text: string, problems: string[]): CaptionedPicture[] {
  const pictures: CaptionedPicture[] = [];
  for (const [index, json] of text.split('\n').entries()) {
    if (json.trim() === '') continue;
    const where = `${join(folder, METADATA)}, line ${index + 1}`;
    const parsed = line.safeParse(parseJson(json));
    if (!parsed.success) {
      problems.push(
        `${where}: expected an object with file_name and text, got ${printable(json.slice(0, 60))}`,
      );
      continue;
    }
    if (!isInside(folder, parsed.data.file_name)) {
      problems.push(`${where}: file_name leads out of the folder: ${printable(parsed.data.file_name)}`);
      continue;
    }
    const { file_name: name, text: caption, ...rest } = parsed.data;
    const columns = Object.entries(rest)
      .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
      .map(([key, value]) => [key, String(value)] as const);
    pictures.push({
      path: resolve(folder, name),
      caption: caption.trim(),
      columns: Object.fromEntries(columns),
    });
  }
  return pictures;
}

async function fromTextFiles(folder: string, problems: string[]): Promise<CaptionedPicture[]> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    problems.push(`${folder}: there is no such folder`);
    return [];
  }
  const { files } = await findPictures(folder, '.mask.png');
  const pictures: CaptionedPicture[] = [];
  for (const { path, captionPath } of files) {
    if (captionPath === undefined) {
      problems.push(`${printable(path)}: no caption (${printable(path.replace(/\.\w+$/, '.txt'))})`);
      continue;
    }
    try {
      const caption = (await readTextFile(captionPath)).trim();
      if (caption === '') problems.push(`${printable(captionPath)}: an empty caption`);
      else pictures.push({ path: resolve(path), caption, columns: {} });
    } catch (error) {
      if (!(error instanceof LikenessError)) throw error;
      const { summary, where = captionPath, got = '', hint = '' } = error;
      problems.push(`${printable(where)}: ${summary}: ${got} (${hint})`);
    }
  }
  return pictures;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
