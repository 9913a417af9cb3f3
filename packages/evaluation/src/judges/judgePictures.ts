// What judges see: the features of every picture, distances within a prompt, and what metrics read off the pixels. One
// judge after the other, so that only one of them holds memory.
import type { RgbImage } from '@likeness/core';
import type { Judges, JudgeRole } from '../judge.ts';
import { JUDGE_ROLES } from '../judge.ts';
import type { Metric } from '../metrics/metric.ts';
import type { Evidence, JudgeRecord, PictureRecord } from '../records/record.ts';
import type { OnProgress } from '../sampling/samplePlan.ts';

/** A picture with what is known of it before anybody has looked. */
export interface Sighted {
  readonly record: Omit<PictureRecord, 'features' | 'distances' | 'looks'>;
  readonly image: RgbImage;
}

export interface JudgeContext {
  readonly metrics: readonly Metric[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

type Judgement = { -readonly [Role in JudgeRole]?: Float32Array };

/** Pictures a judge is shown at a time: progress in between, and a chance to stop. */
const AT_A_TIME = 32;

export async function judgePictures(
  pictures: readonly Sighted[],
  judges: Judges,
  { metrics, signal, onProgress }: JudgeContext,
): Promise<Pick<Evidence, 'pictures' | 'texts' | 'judges'>> {
  const features: Judgement[] = pictures.map(() => ({}));
  /** Shows some pictures to a judge, part by part. */
  const show = async (
    role: JudgeRole,
    shown: readonly number[],
    look: (images: readonly RgbImage[]) => Promise<readonly Float32Array[]>,
  ): Promise<void> => {
    for (let start = 0; start < shown.length; start += AT_A_TIME) {
      onProgress?.(`judging: ${role}`, start, shown.length);
      const part = shown.slice(start, start + AT_A_TIME);
      const seen = await look(part.flatMap((i) => pictures[i]?.image ?? []));
      for (const [at, i] of part.entries()) {
        const [judgement, feature] = [features[i], seen[at]];
        if (judgement && feature) judgement[role] = feature;
      }
      signal?.throwIfAborted();
    }
  };
  const all = [...pictures.keys()];
  const { dino, clip, lpips, classifier } = judges;
  if (dino) await closing(dino, () => show('dino', all, (images) => dino.imageFeatures(images)));
  let texts = new Map<string, Float32Array>();
  if (clip) {
    // CLIP is asked about the subject only: whatever has a text, and what it is compared with.
    const ofSubject = all.filter((i) => ['subject', 'reference'].includes(pictures[i]?.record.set ?? ''));
    texts = await closing(clip, async () => {
      await show('clip', ofSubject, (images) => clip.imageFeatures(images));
      const asked = [...new Set(pictures.flatMap(({ record: { text } }) => text ?? []))];
      const read = await clip.textFeatures(asked);
      return new Map(asked.map((text, i) => [text, read[i] ?? new Float32Array()] as const));
    });
  }
  if (classifier)
    await closing(classifier, () => show('classifier', all, (images) => classifier.classify(images)));
  const distances =
    lpips && (await closing(lpips, () => distancesWithin(pictures, lpips, { signal, onProgress })));
  return {
    pictures: pictures.map(({ record, image }, i) => ({
      ...record,
      features: features[i] ?? {},
      ...(distances?.has(i) ? { distances: distances.get(i) ?? [] } : {}),
      looks: Object.fromEntries(metrics.flatMap(({ name, look }) => (look ? [[name, look(image)]] : []))),
    })),
    texts,
    judges: judgeRecords(judges),
  };
}

/** Who the judges are. */
export function judgeRecords(judges: Judges): Partial<Record<JudgeRole, JudgeRecord>> {
  const records: Partial<Record<JudgeRole, JudgeRecord>> = {};
  for (const role of JUDGE_ROLES) {
    const judge = judges[role];
    if (judge === undefined) continue;
    const { name, fingerprint } = judge;
    records[role] = { name, fingerprint, ...('classes' in judge ? { classes: judge.classes } : {}) };
  }
  return records;
}

/** LPIPS of every picture of the subject to those before it of the same prompt. */
async function distancesWithin(
  pictures: readonly Sighted[],
  lpips: NonNullable<Judges['lpips']>,
  { signal, onProgress }: Omit<JudgeContext, 'metrics'>,
): Promise<Map<number, number[]>> {
  const groups = new Map<string, number[]>();
  for (const [i, { record }] of pictures.entries()) {
    if (record.set !== 'subject') continue;
    groups.set(record.prompt ?? '', [...(groups.get(record.prompt ?? '') ?? []), i]);
  }
  const found = new Map<number, number[]>();
  for (const [done, group] of [...groups.values()].entries()) {
    onProgress?.('judging: lpips', done, groups.size);
    const pairs = group.flatMap((later, at) =>
      group.slice(0, at).map((earlier) => [earlier, later] as const),
    );
    const images = pairs.flatMap(([a, b]) => {
      const [first, second] = [pictures[a]?.image, pictures[b]?.image];
      return first && second ? [[first, second] as const] : [];
    });
    const distances = await lpips.distances(images);
    for (const i of group) found.set(i, []);
    for (const [at, [, later]] of pairs.entries()) found.get(later)?.push(distances[at] ?? NaN);
    signal?.throwIfAborted();
  }
  return found;
}

async function closing<Result>(
  judge: { close?(): Promise<void> },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } finally {
    await judge.close?.();
  }
}
