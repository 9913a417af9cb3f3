// The whole way on a tiny model and the fixtures' random encoders: real sampling, real judges, real files.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createVariable,
  decodeImage,
  openCache,
  tf,
  type Attached,
  type DiffusionModel,
} from '@likeness/core';
import { createTinyModel, temporaryFolder, writeTinyPictures } from '@likeness/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateSubject, recomputeMeasures, type Evaluation } from './evaluate.ts';
import type { Judges } from './judge.ts';
import { openJudges } from './judges/openJudges.ts';
import { defineMetric } from './metrics/metric.ts';
import { featuresOf, select } from './records/record.ts';
import { evaluationSchema } from './settings.ts';
import type { EvaluationSubject } from './subject.ts';
import { FIXTURES } from './testing/fixtures.ts';

const folder = temporaryFolder();
const cache = openCache(join(folder, 'cache'));
const settings = evaluationSchema.parse({
  imagesPerPrompt: 2,
  numClassImages: 2,
  imagesPerUnrelatedPrompt: 2,
  mode: 'graph',
  threads: 1,
});
let subject: EvaluationSubject;
let judges: Judges;

/** An adapter that shifts the noise predictor's first layer. */
async function attachShift({ noisePredictor }: DiffusionModel, size: number): Promise<Attached> {
  const shift = createVariable({ name: 'shift', shape: [16] });
  const takeOff = noisePredictor.parameters.attach('conv_in', ({ base }) => tf.add(base(), shift));
  return {
    initialValues: new Map([['shift', new Float32Array(16).fill(size)]]),
    detach: () => {
      takeOff();
      shift.dispose();
    },
  };
}

beforeAll(async () => {
  const model = await createTinyModel(join(folder, 'model'));
  const references = join(folder, 'pictures');
  await writeTinyPictures(references, { count: 3 });
  judges = await openJudges(
    { dino: join(FIXTURES, 'dino'), clip: join(FIXTURES, 'clip') },
    { threads: 1, tokenizerFolder: join(FIXTURES, '../tiny-sd1/tokenizer') },
  );
  subject = {
    name: 'tiny',
    folder: join(folder, 'run'),
    model,
    base: model,
    attach: () => attachShift(model, 1),
    references,
    phrase: 'sks thing',
    classNoun: 'thing',
    classPrompt: 'a photo of a thing',
    prompts: ['a photo of {}', 'a {} on the beach'],
    unrelatedPrompts: ['a photo of a tree'],
    sampling: { sampler: model.samplers[0]!, numInferenceSteps: 2, guidanceScale: 2 },
    resolution: model.resolution,
    facts: { trainedParameters: 16 },
  };
});

describe('evaluateSubject', () => {
  let first: Evaluation;
  const read = (name: string): Promise<string> =>
    readFile(join(subject.folder, 'evaluation', name), 'latin1');

  it('measures what a run draws, with a record of every picture', async () => {
    first = await evaluateSubject({ subject, settings, judges, cache });
    expect(Object.keys(first.measures)).toEqual([
      ...['dino', 'clipI', 'clipT', 'pres', 'divFeatures', 'drift', 'classDrift', 'memorised'],
      'trainedParameters',
    ]);
    expect(first.measures['drift']).toBeGreaterThan(1e-6);
    expect(first.measured.leftOut).toMatchObject({ div: 'no judge for lpips' });
    const { pictures } = first.evidence;
    expect(pictures).toHaveLength(3 + 4 + 2 + 2 + 2 + 2);
    const drawn = select(first.evidence, 'subject');
    expect(drawn.map(({ prompt, text, seed }) => [prompt, text, seed])).toEqual([
      ['a photo of sks thing', 'a photo of thing', 0],
      ['a photo of sks thing', 'a photo of thing', 1],
      ['a sks thing on the beach', 'a thing on the beach', 0],
      ['a sks thing on the beach', 'a thing on the beach', 1],
    ]);
    // what was judged is what is kept
    const kept = await decodeImage(join(first.folder, drawn[0]?.file ?? ''));
    const [again = []] = (await judges.dino?.imageFeatures([kept])) ?? [];
    await judges.dino?.close?.();
    expect([...again]).toEqual([...(drawn[0]?.features.dino ?? [])]);
    const text = (await read('records.jsonl')) + (await read('measures.json'));
    expect(text).not.toContain(folder);
  });

  it('gives the same bytes again, with the base model’s pictures from the cache', async () => {
    const before = [
      await read('records.jsonl'),
      await read('measures.json'),
      await read('features.safetensors'),
    ];
    const told: string[] = [];
    await evaluateSubject({ subject, settings, judges, cache, onProgress: (what) => told.push(what) });
    expect(told).toContain('sampling');
    expect(told).not.toContain('sampling the base model');
    const after = [
      await read('records.jsonl'),
      await read('measures.json'),
      await read('features.safetensors'),
    ];
    expect(after).toEqual(before);
  });

  it('measures again from the records alone, with a metric that came later', async () => {
    const before = await read('measures.json');
    await recomputeMeasures(subject.folder);
    expect(await read('measures.json')).toEqual(before);
    const count = defineMetric({
      name: 'judged',
      description: 'pictures DINO has seen',
      better: 'neither',
      needs: ['dino'],
      compute: (evidence) => featuresOf(evidence.pictures, 'dino').length,
    });
    const { measures } = await recomputeMeasures(subject.folder, [count]);
    expect(measures).toEqual({ ...first.measures, judged: 15 });
  });

  it('finds no drift where nothing was changed', async () => {
    const unchanged = {
      ...subject,
      folder: join(folder, 'unchanged'),
      attach: () => attachShift(subject.model, 0),
    };
    const { dino } = judges;
    const { measures } = await evaluateSubject({
      subject: unchanged,
      settings,
      judges: { ...(dino ? { dino } : {}) },
      cache,
    });
    expect(measures['drift']).toBeCloseTo(0, 12);
    expect(measures['classDrift']).toBeCloseTo(0, 12);
  });
});
