// An evaluation on one screen: references and pictures, judges, records, measures.
//
//   subject ─► plan ─► base pictures (cached), pictures of the run ─► judges ─► records ─► metrics ─► measures
//
// What is written is whole or absent: `evaluation/` in the run's folder.
import { createHash } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  beginFolder,
  DataError,
  decodeImage,
  findPictures,
  writePng,
  type Cache,
  type RgbImage,
  type Warning,
} from '@likeness/core';
import type { Judges } from './judge.ts';
import { judgePictures, type Sighted } from './judges/judgePictures.ts';
import { computeMeasures, METRICS, type Measured } from './metrics/computeMeasures.ts';
import type { Metric } from './metrics/metric.ts';
import type { Evidence, PictureMaker } from './records/record.ts';
import { readEvidence, RECORDS, rewriteMeasures, writeEvidence } from './records/recordFiles.ts';
import type { EvaluationResult } from './result.ts';
import { planPictures, type PlannedPicture } from './sampling/plan.ts';
import { sampleBase, sampleRun, type OnProgress } from './sampling/samplePlan.ts';
import type { EvaluationSettings } from './settings.ts';
import { writeEvaluationSheet } from './sheet.ts';
import type { EvaluationSubject } from './subject.ts';

/** Folder of an evaluation, in that of the run. */
export const EVALUATION_FOLDER = 'evaluation';

export interface EvaluateOptions {
  readonly subject: EvaluationSubject;
  readonly settings: EvaluationSettings;
  readonly judges: Judges;
  readonly cache: Cache;
  /** Beside ours. */
  readonly metrics?: readonly Metric[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Told of prompts that are cut off, and of pictures that show that something is wrong with the model. */
  readonly onWarning?: ((warning: Warning) => void) | undefined;
}

/** The result, with what tables show of it. */
export interface Evaluation extends EvaluationResult {
  readonly measured: Measured;
  readonly evidence: Evidence;
  /** Where everything lies. */
  readonly folder: string;
}

/**
 * Samples, judges and measures, and writes it all down.
 * @throws DataError when there are no references; ConfigError for settings that cannot work; before anything long starts
 */
export async function evaluateSubject(options: EvaluateOptions): Promise<Evaluation> {
  const { subject, settings, judges, cache, metrics = [], signal, onProgress, onWarning } = options;
  const plan = planPictures(subject, settings);
  const references = await readReferences(subject.references);
  const context = { settings, cache, signal, onProgress, onWarning: onceEach(onWarning) };
  const basePictures = await sampleBase(subject, plan, context);
  const runPictures = await sampleRun(subject, plan, context);
  const target = join(subject.folder, EVALUATION_FOLDER);
  const unfinished = await beginFolder(target);
  try {
    const sighted: Sighted[] = [
      ...references.map((image): Sighted => ({
        record: { set: 'reference', maker: 'given', sha256: hashOf(image) },
        image,
      })),
      ...(await keep(unfinished.folder, 'run', plan.run, runPictures)),
      ...(await keep(unfinished.folder, 'base', plan.base, basePictures)),
    ];
    const allMetrics = [...METRICS, ...metrics];
    const judged = await judgePictures(sighted, judges, { metrics: allMetrics, signal, onProgress });
    const classNoun = settings.classNoun ?? subject.classNoun;
    const evidence: Evidence = {
      ...judged,
      ...(classNoun === undefined ? {} : { classNoun }),
      facts: subject.facts,
    };
    const measured = computeMeasures(evidence, allMetrics);
    await writeEvidence(unfinished.folder, evidence, measured, {
      name: subject.name,
      weights: weightsOf(subject),
      settings: { ...portable(settings), ...plan.sampler, resolution: subject.resolution },
    });
    await writeEvaluationSheet(join(unfinished.folder, 'sheet.png'), subject, sighted);
    await unfinished.commit();
    return resultOf(target, evidence, measured);
  } catch (error) {
    await unfinished.abandon();
    throw error;
  }
}

/**
 * Measures again what an evaluation has recorded, without sampling or judging: after a metric was added or mended.
 * @param folder the run's
 */
export async function recomputeMeasures(
  folder: string,
  metrics: readonly Metric[] = [],
): Promise<Evaluation> {
  const target = join(folder, EVALUATION_FOLDER);
  const { evidence } = await readEvidence(target);
  const measured = computeMeasures(evidence, [...METRICS, ...metrics]);
  const unfinished = await beginFolder(target);
  try {
    const isSeal = (path: string): boolean => relative(target, path) === 'manifest.json';
    await cp(target, unfinished.folder, { recursive: true, filter: (path) => !isSeal(path) });
    await rewriteMeasures(unfinished.folder, evidence, measured);
    await unfinished.commit();
  } catch (error) {
    await unfinished.abandon();
    throw error;
  }
  return resultOf(target, evidence, measured);
}

function resultOf(folder: string, evidence: Evidence, measured: Measured): Evaluation {
  const judges = Object.entries(evidence.judges).map(([role, { fingerprint }]) => [role, fingerprint]);
  return {
    measures: measured.measures,
    recordsPath: `${EVALUATION_FOLDER}/${RECORDS}`,
    judges: Object.fromEntries(judges) as Record<string, string>,
    measured,
    evidence,
    folder,
  };
}

/** The model and its base are asked alike: of what both have, one is told. */
function onceEach(tell: ((warning: Warning) => void) | undefined): (warning: Warning) => void {
  const told = new Set<string>();
  return (warning) => {
    if (!told.has(warning.text)) tell?.(warning);
    told.add(warning.text);
  };
}

/** Writes the pictures of one maker, and says what they are. */
async function keep(
  folder: string,
  maker: PictureMaker,
  planned: readonly PlannedPicture[],
  images: readonly RgbImage[],
): Promise<Sighted[]> {
  await mkdir(join(folder, 'pictures'), { recursive: true });
  const kept: Sighted[] = [];
  for (const [i, picture] of planned.entries()) {
    const image = images[i];
    if (image === undefined)
      throw new DataError('a picture is missing', {
        code: 'evaluation/picture-missing',
        where: picture.prompt,
      });
    const file = `pictures/${maker}-${String(i).padStart(4, '0')}.png`;
    await writePng(join(folder, file), image, { parameters: `${picture.prompt}\nSeed: ${picture.seed}` });
    const { set, prompt, text, seed } = picture;
    const record = {
      set,
      maker,
      prompt,
      ...(text === undefined ? {} : { text }),
      seed,
      sha256: hashOf(image),
      file,
    };
    kept.push({ record, image });
  }
  return kept;
}

/** @throws DataError when there are none */
async function readReferences(source: string | readonly string[]): Promise<RgbImage[]> {
  const { files } = await findPictures(source, '.mask.png');
  if (files.length === 0) {
    throw new DataError('nothing to compare with', {
      code: 'evaluation/nothing-to-compare-with',
      where: typeof source === 'string' ? source : source.join(', '),
      expected: 'pictures of the subject',
      got: 'none',
    });
  }
  const images: RgbImage[] = [];
  for (const { path } of files) images.push(await decodeImage(path));
  return images;
}

function hashOf({ width, height, data }: RgbImage): string {
  return createHash('sha256').update(`${width}x${height}\n`).update(data).digest('hex');
}

function weightsOf({ model, base, attachedFingerprint }: EvaluationSubject): Record<string, string> {
  return {
    model: model.fingerprint,
    ...(attachedFingerprint === undefined ? {} : { attached: attachedFingerprint }),
    ...(base === undefined ? {} : { base: base.fingerprint }),
  };
}

/** Without folders of a machine: judges and references are named by their hashes. */
function portable({
  judges: _judges,
  reference: _reference,
  metrics: _metrics,
  ...settings
}: EvaluationSettings): Record<string, unknown> {
  return settings;
}
