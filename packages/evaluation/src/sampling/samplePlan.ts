// Makes the planned pictures. Those of the base model are the same for every run that is evaluated alike: they are made
// once and found again in the cache by everything that decides their bits, as class pictures are.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeImage,
  defaultThreads,
  openGenerator,
  writePng,
  type Cache,
  type DiffusionModel,
  type RgbImage,
  type Warning,
} from '@likeness/core';
import type { EvaluationSettings } from '../settings.ts';
import type { EvaluationSubject } from '../subject.ts';
import type { PicturePlan, PlannedPicture } from './plan.ts';

export type OnProgress = (what: string, done: number, total: number) => void;

export interface SampleContext {
  readonly settings: EvaluationSettings;
  readonly cache: Cache;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly onWarning?: ((warning: Warning) => void) | undefined;
}

const WHO = { base: 'sampling the base model', run: 'sampling' } as const;

/** The pictures of the model under evaluation, in the order of the plan. */
export async function sampleRun(
  subject: EvaluationSubject,
  plan: PicturePlan,
  context: SampleContext,
): Promise<RgbImage[]> {
  const attached = await subject.attach?.();
  try {
    return await sample('run', subject, subject.model, plan.run, plan, context, attached?.initialValues);
  } finally {
    attached?.detach();
  }
}

/** The pictures of its base model, from the cache or made now. */
export async function sampleBase(
  subject: EvaluationSubject,
  plan: PicturePlan,
  context: SampleContext,
): Promise<RgbImage[]> {
  const { base } = subject;
  if (base === undefined || plan.base.length === 0) return [];
  const { settings, cache } = context;
  const made = {
    model: base.fingerprint,
    sampler: plan.sampler,
    requests: plan.base.map(({ prompt, seed }) => ({ prompt, seed })),
    resolution: subject.resolution,
    ...machineOf(settings),
  };
  const folder = await cache.getOrCreate('evaluation-pictures', made, async (target) => {
    const pictures = await sample('base', subject, base, plan.base, plan, context);
    for (const [i, picture] of pictures.entries()) await writePng(join(target, `${i}.png`), picture);
    await writeFile(join(target, 'prompts.json'), JSON.stringify(made.requests));
  });
  const pictures: RgbImage[] = [];
  for (const i of plan.base.keys())
    pictures.push(await decodeImage(await readFile(join(folder, `${i}.png`))));
  return pictures;
}

/** Settings of the machine that can change bits. `auto` is decided by the number of pictures, which is part of the key. */
function machineOf({ mode, batchSize, threads = defaultThreads() }: EvaluationSettings) {
  return { mode, batchSize, threads };
}

async function sample(
  who: keyof typeof WHO,
  { resolution }: EvaluationSubject,
  model: DiffusionModel,
  asked: readonly PlannedPicture[],
  { sampler }: PicturePlan,
  { settings, signal, onProgress, onWarning }: SampleContext,
  initialValues?: ReadonlyMap<string, Float32Array>,
): Promise<RgbImage[]> {
  const generator = await openGenerator({
    model,
    resolution,
    ...machineOf(settings),
    onInstallProgress: ({ message, fraction = 0 }) => onProgress?.(message, fraction, 1),
  });
  try {
    const pictures: RgbImage[] = [];
    const made = generator.generate({
      ...sampler,
      prompts: asked.map(({ prompt, seed }) => ({ prompt, seed })),
      ...(initialValues ? { initialValues } : {}),
      ...(signal ? { signal } : {}),
      onProgress: (done, total) => onProgress?.(WHO[who], done, total),
      // The base model is asked the same, and told of once.
      ...(onWarning ? { onWarning } : {}),
    });
    for await (const { image } of made) pictures.push(image);
    return pictures;
  } finally {
    await generator.close();
  }
}
