// Evidence with everything in it: all judges, several prompts with unequal counts, base pictures of the same seeds.
import { createRng, type RgbImage } from '@likeness/core';
import type { Metric } from '../metrics/metric.ts';
import type { Evidence, PictureMaker, PictureRecord, PictureSet } from '../records/record.ts';

const rng = createRng(0);
const CLASSES = ['robot', 'cat', 'car'];

/** Noise, the same for the same number. */
export function madeUpPicture(number: number): RgbImage {
  const bytes = rng.stream('picture', 0, number).uniform(16 * 16 * 3);
  return { width: 16, height: 16, data: Uint8Array.from(bytes, (value) => value * 255.999) };
}

/** The evidence `testMetric` uses unless it is given other. */
export function madeUpEvidence({ name, look }: Pick<Metric, 'name' | 'look'>): Evidence {
  const pictures: PictureRecord[] = [];
  const feature = (kind: string, length: number): Float32Array =>
    rng.stream(kind, 1, pictures.length).normal(length);
  const add = (
    set: PictureSet,
    maker: PictureMaker,
    asked: Pick<PictureRecord, 'prompt' | 'text' | 'seed'> = {},
    distances?: readonly number[],
  ): void => {
    const number = pictures.length;
    const scores = rng.stream('classifier', 1, number).uniform(CLASSES.length);
    const sum = scores.reduce((total, score) => total + score, 0);
    pictures.push({
      set,
      maker,
      ...asked,
      sha256: number.toString(16).padStart(64, '0'),
      features: {
        dino: feature('dino', 8),
        clip: feature('clip', 6),
        classifier: scores.map((score) => score / sum),
      },
      ...(distances ? { distances } : {}),
      looks: look ? { [name]: look(madeUpPicture(number)) } : {},
    });
  };
  for (let i = 0; i < 3; i++) add('reference', 'given');
  for (const [p, count] of [3, 2, 4].entries()) {
    for (let seed = 0; seed < count; seed++) {
      const distances = [...rng.stream('lpips', p, seed).uniform(seed)];
      add('subject', 'run', { prompt: `a sks robot, ${p}`, text: `a robot, ${p}`, seed }, distances);
    }
  }
  for (const maker of ['run', 'base'] as const) {
    for (let seed = 0; seed < 4; seed++) add('class', maker, { prompt: 'a photo of a robot', seed });
    for (let seed = 0; seed < 2; seed++) add('unrelated', maker, { prompt: 'a photo of a tree', seed });
  }
  const judge = { name: 'made up', fingerprint: '0' };
  return {
    pictures,
    texts: new Map([0, 1, 2].map((p) => [`a robot, ${p}`, rng.stream('text', 1, p).normal(6)])),
    judges: { dino: judge, clip: judge, lpips: judge, classifier: { ...judge, classes: CLASSES } },
    classNoun: 'robot',
    facts: { exportBytes: 1000, trainedParameters: 100 },
  };
}
