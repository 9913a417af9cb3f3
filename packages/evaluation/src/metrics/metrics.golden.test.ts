// Metrics beside the reference's on given features, with unequal counts and shuffled seeds, and end to end on the
// fixtures' encoders. Features are float32 and everything after is float64: only the order of sums differs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor } from '@likeness/core';
import { describe, expect, it } from 'vitest';
import type { Evidence, JudgeRecord, PictureRecord } from '../records/record.ts';
import { FIXTURES } from '../testing/fixtures.ts';
import { computeMeasures, type Measured } from './computeMeasures.ts';

interface SubjectFixture {
  readonly generated: readonly number[];
  readonly pres: number;
  readonly dino: { readonly mean_of_prompts: number; readonly per_image: Record<string, number[]> };
  readonly clip_i: { readonly mean_of_prompts: number };
  readonly clip_t: { readonly mean_of_prompts: number; readonly per_image: Record<string, number[]> };
  readonly div: { readonly mean_of_prompts: number };
  readonly drift: {
    readonly base_seeds: readonly number[];
    readonly tuned_seeds: readonly number[];
    readonly mean: number;
  };
}
const fixture = JSON.parse(readFileSync(join(FIXTURES, 'metrics.json'), 'utf8')) as {
  readonly subjects: readonly SubjectFixture[];
  readonly end_to_end: Record<string, number>;
};
const { tensors } = await readSafetensorsHeader(join(FIXTURES, 'metrics.safetensors'));
const encoders = await readSafetensorsHeader(join(FIXTURES, 'encoders.safetensors'));

async function rows(name: string, from = tensors): Promise<Float32Array[]> {
  const entry = from.get(name)!;
  const [count = 0, width = 1] = entry.shape;
  const values = await readTensor(entry);
  return Array.from({ length: count }, (_, i) => values.slice(i * width, (i + 1) * width));
}

const judge: JudgeRecord = { name: 'fixture', fingerprint: '' };
const none = { sha256: '', looks: {} };

async function evidenceOf(subject: number): Promise<Evidence> {
  const { generated, drift } = fixture.subjects[subject]!;
  const pictures: PictureRecord[] = [];
  const [realDino, realClip] = [await rows(`${subject}.dino.real`), await rows(`${subject}.clip.real`)];
  for (const [i, dino] of realDino.entries())
    pictures.push({ ...none, set: 'reference', maker: 'given', features: { dino, clip: realClip[i]! } });
  for (const prompt of generated.keys()) {
    const [dino, clip] = [
      await rows(`${subject}.dino.generated.${prompt}`),
      await rows(`${subject}.clip.generated.${prompt}`),
    ];
    // pairs come as (0,1), (0,2), …; records hold the distances to those before them
    const lpips = [...(await readTensor(tensors.get(`${subject}.lpips.${prompt}`)!))];
    const pairs = dino.flatMap((_, i) => dino.slice(i + 1).map((_, j) => [i, i + 1 + j] as const));
    for (const [i, feature] of dino.entries()) {
      const distances = pairs.flatMap(([, later], at) => (later === i ? [lpips[at]!] : []));
      const asked = { prompt: `p${prompt}`, text: `t${prompt}`, seed: i };
      pictures.push({
        ...none,
        ...asked,
        set: 'subject',
        maker: 'run',
        features: { dino: feature, clip: clip[i]! },
        distances,
      });
    }
  }
  for (const [i, dino] of (await rows(`${subject}.dino.class_images`)).entries())
    pictures.push({ ...none, set: 'class', maker: 'run', prompt: 'class', seed: i, features: { dino } });
  const drifted = { base: drift.base_seeds, tuned: drift.tuned_seeds };
  for (const [name, maker] of [
    ['base', 'base'],
    ['tuned', 'run'],
  ] as const) {
    for (const [i, dino] of (await rows(`${subject}.drift.${name}`)).entries())
      pictures.push({
        ...none,
        set: 'unrelated',
        maker,
        prompt: 'other',
        seed: drifted[name][i]!,
        features: { dino },
      });
  }
  const texts = new Map((await rows(`${subject}.clip.text`)).map((row, i) => [`t${i}`, row]));
  return { pictures, texts, judges: { dino: judge, clip: judge, lpips: judge }, facts: {} };
}

describe('metrics', () => {
  it.each([0, 1, 2])('subject %i: all of them are the reference’s', async (subject) => {
    const want = fixture.subjects[subject]!;
    const evidence = await evidenceOf(subject);
    const { measures, leftOut, scores } = computeMeasures(evidence);
    expect(measures['dino']).toBeCloseTo(want.dino.mean_of_prompts, 12);
    expect(measures['clipI']).toBeCloseTo(want.clip_i.mean_of_prompts, 12);
    expect(measures['clipT']).toBeCloseTo(want.clip_t.mean_of_prompts, 12);
    expect(measures['pres']).toBeCloseTo(want.pres, 12);
    expect(measures['div']).toBeCloseTo(want.div.mean_of_prompts, 12);
    expect(measures['drift']).toBeCloseTo(want.drift.mean, 12);
    expect(leftOut).toMatchObject({
      classAccuracy: 'no judge for classifier',
      exportBytes: 'nothing to measure',
    });
    const first = evidence.pictures.find(({ set }) => set === 'subject')!;
    expect(scores.get(first)!['dino']).toBeCloseTo(want.dino.per_image['0']![0]!, 12);
    expect(scores.get(first)!['clipT']).toBeCloseTo(want.clip_t.per_image['0']![0]!, 12);
  });

  it('from the features of the fixtures’ encoders', async () => {
    const names = ['real-0', 'real-1', 'real-2', 'gen-0', 'gen-1', 'gen-2', 'gen-3'];
    const measured = async (dinoRows: string): Promise<Measured> => {
      const dino = await rows(dinoRows, encoders.tensors);
      const clip = await rows('clip.image_features', encoders.tensors);
      const [text = new Float32Array()] = await rows('clip.text_features', encoders.tensors);
      const pictures = names.map((name, i): PictureRecord => {
        const features = { dino: dino[i]!, clip: clip[i]! };
        return name.startsWith('real')
          ? { ...none, set: 'reference', maker: 'given', features }
          : { ...none, set: 'subject', maker: 'run', prompt: 'p', text: 't', seed: i, features };
      });
      return computeMeasures({
        pictures,
        texts: new Map([['t', text]]),
        judges: { dino: judge, clip: judge },
        facts: {},
      });
    };
    const want = fixture.end_to_end;
    const { measures } = await measured('dino.features');
    expect(measures['dino']).toBeCloseTo(want['dino']!, 5);
    expect(measures['clipI']).toBeCloseTo(want['clip_i']!, 5);
    expect(measures['clipT']).toBeCloseTo(want['clip_t']!, 5);
    expect((await measured('dinov2.features')).measures['dino']).toBeCloseTo(want['dinov2']!, 5);
    expect((await measured('dino.eval_features')).measures['dino']).toBeCloseTo(
      want['dino_eval_transform']!,
      5,
    );
  });

  it('class accuracy is the share that the classifier calls so', () => {
    const seen = (probabilities: readonly number[]): PictureRecord => ({
      ...none,
      set: 'class',
      maker: 'run',
      prompt: 'a photo of a robot',
      features: { classifier: Float32Array.from(probabilities) },
    });
    const evidence = {
      pictures: [seen([0.2, 0.7, 0.1]), seen([0.5, 0.4, 0.1]), seen([0.1, 0.8, 0.1]), seen([0, 0.9, 0.1])],
      texts: new Map<string, Float32Array>(),
      judges: { classifier: { ...judge, classes: ['cat', 'robot', 'car'] } },
      facts: {},
    };
    expect(computeMeasures({ ...evidence, classNoun: 'robot' }).measures['classAccuracy']).toBe(0.75);
    expect(computeMeasures({ ...evidence, classNoun: 'teapot' }).leftOut['classAccuracy']).toBe(
      'nothing to measure',
    );
  });
});
