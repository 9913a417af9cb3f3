// The pictures of an evaluation on one sheet: a row a prompt, the references above them, the class and what is unrelated
// below, beside what the base model makes of them.
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
  const base = rowsOf('unrelated', 'base');
  // What should not have changed: each picture with the base model's beside it.
  const unrelated = rowsOf('unrelated', 'run').map(({ label, pictures: drawn }, i) => ({
    label: base.length > 0 ? `${label} (in pairs: run, base model)` : label,
    pictures: drawn
      .flatMap((picture, at) => [picture, ...(base[i]?.pictures.slice(at, at + 1) ?? [])])
      .slice(0, MOST),
  }));
  await writeSheet(
    path,
    [
      ...rowsOf('reference', 'given'),
      ...rowsOf('subject', 'run'),
      ...rowsOf('class', 'run'),
      ...rowsOf('class', 'base', ' (base model)'),
      ...unrelated,
    ],
    { title: `${name}: ${phrase}`, cellPx: 128 },
  );
}
