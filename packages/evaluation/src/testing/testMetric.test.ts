// The kit itself: our metrics pass it, a third party's does, and each way of breaking the contract is found.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@likeness/core/testing';
import { assert, describe, expect, it } from 'vitest';
import { METRICS } from '../metrics/computeMeasures.ts';
import { findMetrics } from '../metrics/findMetrics.ts';
import { defineMetric, type Metric, type MetricDefinition } from '../metrics/metric.ts';
import { featuresOf, select } from '../records/record.ts';
import { testMetric } from './testMetric.ts';

for (const metric of METRICS) testMetric(metric, { describe, it, assert });

const brightness = defineMetric({
  name: 'brightness',
  description: 'mean level of pictures of the subject',
  better: 'neither',
  needs: [],
  look: ({ data }) => ({ level: data.reduce((sum, level) => sum + level, 0) / data.length }),
  compute: (evidence) => {
    const levels = select(evidence, 'subject').map(({ looks }) => looks['brightness']?.['level'] ?? NaN);
    return levels.length === 0 ? undefined : levels.reduce((sum, level) => sum + level, 0) / levels.length;
  },
});
testMetric(brightness, { describe, it, assert });

describe('the kit finds', () => {
  const sound: MetricDefinition = {
    name: 'norm',
    description: 'length of features',
    better: 'neither',
    needs: ['dino'],
    compute: (evidence) =>
      featuresOf(evidence.pictures, 'dino').length === 0
        ? undefined
        : Math.hypot(...featuresOf(evidence.pictures, 'dino').map((f) => f[0] ?? 0)),
  };
  let calls = 0;
  it.each<[string, Partial<MetricDefinition>, RegExp]>([
    ['nothing', {}, /^$/],
    ['a judge that is not named', { needs: [] }, /with all judges/],
    ['a value that differs', { compute: () => calls++ }, /first 0, then 1/],
    ['a value of nothing', { compute: () => 0 }, /0 of no pictures/],
    [
      'changed evidence',
      { compute: ({ pictures }) => (pictures[0]?.features.dino?.fill(0) ? 1 : undefined) },
      /changed the evidence/,
    ],
    [
      'the order of pictures',
      { compute: ({ pictures }) => pictures[0]?.features.dino?.[0] },
      /the other way round/,
    ],
    [
      'pictures of somebody else',
      { compute: ({ pictures: [first] }) => first && { value: 1, perPicture: new Map([[{ ...first }, 1]]) } },
      /not there/,
    ],
  ])('%s', async (_, broken, message) => {
    calls = 0;
    expect((await failures(defineMetric({ ...sound, ...broken }))).join('\n')).toMatch(message);
  });
});

describe('findMetrics', () => {
  it('reads a metric from a file of the person’s own', async () => {
    const file = join(temporaryFolder(), 'sharp.ts');
    await writeFile(
      file,
      `import { defineMetric } from '@likeness/evaluation';
       export default defineMetric({ name: 'sharp', description: '', better: 'higher', needs: [], compute: () => 1 });`,
    );
    expect((await findMetrics([file])).map(({ name }) => name)).toEqual(['sharp']);
    await expect(findMetrics(['sharpnes'])).rejects.toThrow(/likeness-metric-NAME/);
  });
});

/** The kit's tests as a list of those that fail. */
async function failures(metric: Metric): Promise<string[]> {
  const bodies: (() => Promise<void>)[] = [];
  testMetric(metric, {
    describe: (_, body) => {
      body();
    },
    it: (_, body) => bodies.push(body),
    assert: {
      ok: (value, message) => {
        if (!value) throw new Error(message);
      },
    },
  });
  const failed: string[] = [];
  for (const body of bodies) await body().catch((error: unknown) => failed.push(String(error)));
  return failed;
}
