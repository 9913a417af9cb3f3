import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runParity, type ParityEvent } from './checks.ts';
import { comparisonLine, summary } from './report.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures');
const LR = 'train-steps/lr-schedules.json';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-parity-'));
  await mkdir(join(folder, 'train-steps'));
  await cp(join(FIXTURES, LR), join(folder, LR));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const noEngine = (): Promise<never> => Promise.reject(new Error('no network was expected to run'));
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
const events = async (): Promise<ParityEvent[]> => collect(runParity(folder, noEngine));

it('runs what the folder has and names what others check', async () => {
  await mkdir(join(folder, 'statistics'));
  await writeFile(join(folder, 'statistics/tests.json'), '{}');
  const seen = await events();
  expect(seen.flatMap((event) => (event.kind === 'check' ? [event.title] : []))).toEqual([
    'learning-rate schedules',
  ]);
  expect(seen.at(-1)).toEqual({
    kind: 'not covered',
    what: 'statistics: tests of packages/ablation (statistics/tests.json)',
  });
  const comparisons = seen.flatMap((event) => (event.kind === 'comparison' ? [event.comparison] : []));
  expect(summary(comparisons, 1, { colour: false })).toMatch(
    /^\d+ compared, all within tolerance, 1 not covered$/,
  );
});

it('reports a number that is off', async () => {
  const file = JSON.parse(await readFile(join(folder, LR), 'utf8')) as {
    multiplier_used_by_step: { cosine: number[] };
  };
  file.multiplier_used_by_step.cosine[20] = 0.5;
  await writeFile(join(folder, LR), JSON.stringify(file));
  const comparisons = (await events()).flatMap((event) =>
    event.kind === 'comparison' ? [event.comparison] : [],
  );
  const off = comparisons.filter(({ ok }) => !ok);
  expect(off.map(({ name }) => name)).toEqual(['lr-schedules.cosine']);
  expect(off.map((comparison) => comparisonLine(comparison, { colour: false })).join()).toMatch(/EXCEEDED/);
  expect(summary(comparisons, 0, { colour: false })).toContain(
    '1 out of tolerance, first: lr-schedules.cosine',
  );
});
