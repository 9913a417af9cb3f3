// The score a judge gives a subject's pictures: the mean cosine with the pictures the subject was learned from. A score
// that cannot tell the subject from others of its class is none, so it is shown for all of them side by side.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DataError,
  decodeImage,
  printable,
  readJsonFile,
  squareImage,
  type ImageEncoder,
} from '@likeness/core';
import { z } from 'zod';
import { findCaptionedPictures } from '../data/captionedPictures.ts';
import { isInside } from '../data/inside.ts';
import { areaUnderCurve } from '../objectives/separation.ts';
import { dot, startEncoding, unitRows, type EncodingMachine } from './encoded.ts';

export interface FidelityOptions {
  readonly encoder: ImageEncoder;
  /** `NAME/*.png` to learn from, `NAME/further/*.png` to measure on, `subjects.json` with `classNoun` by name. */
  readonly subjects: string;
  /** Captioned pictures of other things; those whose column `kind` is the subject's class noun are its class. */
  readonly data: string | readonly string[];
  readonly kind: string;
  /** Further folders by what they are called: `NAME/*.png` in each. */
  readonly groups?: Readonly<Record<string, string>>;
  readonly threads: number;
}

/** Scores of one group of pictures, over all subjects. */
export interface FidelityRow {
  /** `subject` (further pictures of it), `class` (others of its class noun), or a name of `groups`. */
  readonly group: string;
  readonly pictures: number;
  readonly mean: number;
  /** Twentieth, median and last twentieth. */
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** Mean over subjects of the probability that a real picture of it scores higher; of `subject` itself undefined. */
  readonly auc: number | undefined;
}

const facts = z.record(z.string(), z.looseObject({ classNoun: z.string() }));
const LIST = 'subjects.json';

async function subjectsIn(folder: string): Promise<z.output<typeof facts>> {
  const where = join(folder, LIST);
  const parsed = facts.safeParse(await readJsonFile(where));
  if (!parsed.success) {
    throw new DataError('no list of subjects', {
      code: 'pretrain/no-subjects',
      where,
      expected: '{ "NAME": { "classNoun": "dog" }, … }',
      details: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    });
  }
  const outside = Object.keys(parsed.data).filter((name) => !isInside(folder, name));
  if (outside.length === 0) return parsed.data;
  throw new DataError('names of subjects lead out of their folder', {
    code: 'pretrain/no-subjects',
    where,
    details: outside.map(printable),
  });
}

/** Of its class, so many pictures a subject are looked at. */
const CLASS_PICTURES = 60;

/** @throws DataError when a subject has no pictures */
export async function measureFidelity(options: FidelityOptions): Promise<FidelityRow[]> {
  const { encoder, subjects, data, kind, groups = {}, threads } = options;
  const known = await subjectsIn(subjects);
  const others = await findCaptionedPictures(data);
  const scores = new Map<string, Map<string, number[]>>();
  const machine = await startEncoding(encoder, { threads });
  try {
    for (const [name, { classNoun }] of Object.entries(known)) {
      const instances = await namesIn(join(subjects, name));
      if (instances.length === 0) {
        throw new DataError('the subject has no pictures', {
          code: 'pretrain/no-pictures',
          where: join(subjects, name),
          expected: '*.png',
        });
      }
      const ofClass = others.filter(({ columns }) => columns[kind] === classNoun).map(({ path }) => path);
      const asked: Record<string, readonly string[]> = {
        subject: await namesIn(join(subjects, name, 'further')),
        class: ofClass.slice(0, CLASS_PICTURES),
      };
      for (const [group, folder] of Object.entries(groups)) asked[group] = await namesIn(join(folder, name));
      const own = await features(machine, instances, encoder.resolution);
      for (const [group, paths] of Object.entries(asked)) {
        if (paths.length === 0) continue;
        const encoded = await features(machine, paths, encoder.resolution);
        const each = paths.map(
          (_, row) =>
            instances.reduce((sum, __, instance) => sum + dot(encoded, row, own, instance), 0) /
            instances.length,
        );
        const bySubject = scores.get(group) ?? new Map<string, number[]>();
        scores.set(group, bySubject.set(name, each));
      }
    }
  } finally {
    await machine.close();
  }
  const real = scores.get('subject') ?? new Map<string, number[]>();
  return [...scores].map(([group, bySubject]) => rowOf(group, bySubject, real));
}

function rowOf(
  group: string,
  bySubject: ReadonlyMap<string, readonly number[]>,
  real: ReadonlyMap<string, readonly number[]>,
): FidelityRow {
  const all = [...bySubject.values()].flat().sort((a, b) => a - b);
  const at = (share: number): number => all[Math.round(share * (all.length - 1))] ?? Number.NaN;
  const aucs = [...bySubject].flatMap(([name, scores]) => areaUnderCurve(real.get(name) ?? [], scores) ?? []);
  return {
    group,
    pictures: all.length,
    mean: mean(all),
    low: at(0.05),
    median: at(0.5),
    high: at(0.95),
    auc: group === 'subject' || aucs.length === 0 ? undefined : mean(aucs),
  };
}

const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length;

/** Features of pictures of any size, of length 1. */
async function features(machine: EncodingMachine, paths: readonly string[], side: number) {
  const read = async (numbers: readonly number[]): Promise<Uint8Array> => {
    const rows = new Uint8Array(numbers.length * side * side * 3);
    for (const [row, number] of numbers.entries()) {
      const { data } = squareImage(await decodeImage(paths[number] ?? ''), side);
      rows.set(data, row * side * side * 3);
    }
    return rows;
  };
  return unitRows(
    await machine.pictures(
      { read },
      paths.map((_, number) => number),
    ),
  );
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return (
    names
      // Beside generated pictures lies a sheet of them all.
      .filter((name) => name.endsWith('.png') && name !== 'sheet.png')
      .sort()
      .map((name) => join(folder, name))
  );
}
