// The pictures of an evaluation on one sheet: a row a prompt, the references above them, the class and what is unrelated
// below, each beside what the base model makes of it.
import { writeSheet, type SheetRow } from '@likeness/core';
import type { Sighted } from './judges/judgePictures.ts';
import type { PictureMaker, PictureSet } from './records/record.ts';
import type { EvaluationSubject } from './subject.ts';

/** Pictures of a row: what fits beside each other. */
const MOST = 8;

export async function writeEvaluationSheet(
  path: string,
  { name, phrase }: EvaluationSubject,
  pictures: readonly Sighted[],
): Promise<void> {
  const rowsOf = (set: PictureSet, maker: PictureMaker, note = ''): SheetRow[] => {
    const rows = new Map<string, Sighted[]>();
    for (const sighted of pictures) {
      const { record } = sighted;
      if (record.set !== set || record.maker !== maker) continue;
      const label = record.prompt ?? 'the subject';
      rows.set(label, [...(rows.get(label) ?? []), sighted]);
    }
    return [...rows].map(([label, row]) => ({
      label: `${label}${note}`,
      pictures: row.slice(0, MOST).map(({ image }) => image),
    }));
  };
  const beside = (set: PictureSet): SheetRow[] => {
    const base = rowsOf(set, 'base', ' (base model)');
    return rowsOf(set, 'run').flatMap((row, i) => [row, ...base.slice(i, i + 1)]);
  };
  await writeSheet(
    path,
    [
      ...rowsOf('reference', 'given'),
      ...rowsOf('subject', 'run'),
      ...beside('class'),
      ...beside('unrelated'),
    ],
    { title: `${name}: ${phrase}`, cellPx: 128 },
  );
}
