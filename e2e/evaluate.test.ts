// A run evaluated with the installed command: pictures, judges, records, a metric of one's own, the same bytes again.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pipeline, TINY, type Result } from './support/pipeline.ts';

const JUDGES = resolve(import.meta.dirname, '..', 'fixtures', 'evaluation');
const cwd = mkdtempSync(join(tmpdir(), 'likeness-evaluate-'));
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});
const run = (...args: string[]): Promise<Result> => pipeline(args, { cwd });
const read = (name: string): string => readFileSync(join(cwd, 'taught', 'evaluation', name), 'latin1');
const measuresIn = ({ stdout }: Result): Record<string, number> =>
  (JSON.parse(stdout) as { measures: Record<string, number> }).measures;

const QUICK = [
  '--num-inference-steps',
  '2',
  '--images-per-prompt',
  '2',
  '--num-class-images',
  '2',
  '--mode',
  'graph',
];
const BY_FIXTURES = [
  '--dino',
  join(JUDGES, 'dino'),
  '--lpips',
  join(JUDGES, 'lpips', 'alex-narrow.safetensors'),
];
const WORDS = ['--prompts', 'prompts.txt', '--unrelated-prompts', 'unrelated.txt'];

beforeAll(async () => {
  writeFileSync(join(cwd, 'prompts.txt'), 'a photo of {}\na photo of {} on the beach\n');
  writeFileSync(join(cwd, 'unrelated.txt'), 'a photo of a cat\n');
  writeFileSync(
    join(cwd, 'brightness.ts'),
    `import { defineMetric, select } from '@likeness/evaluation';
     const name = 'brightness';
     export default defineMetric({
       name, description: 'mean level', better: 'neither', needs: [],
       look: ({ data }) => ({ level: data.reduce((sum, level) => sum + level, 0) / data.length }),
       compute: (evidence) => {
         const levels = select(evidence, 'subject').map(({ looks }) => looks[name]?.level ?? NaN);
         return levels.length === 0 ? undefined : levels.reduce((sum, level) => sum + level, 0) / levels.length;
       },
     });\n`,
  );
  const teach = [
    '--max-train-steps',
    '2',
    '--no-samples',
    '--learning-rate',
    '0.05',
    '--output-dir',
    'taught',
  ];
  expect(await run('run', 'lora', ...teach, ...TINY)).toMatchObject({ code: 0 });
});

it('measures a run, keeps records, and measures again from them', async () => {
  const metric = ['--metric', './brightness.ts'];
  const first = await run('evaluate', 'taught', ...QUICK, ...BY_FIXTURES, ...WORDS, ...metric, '--json');
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
  const measures = measuresIn(first);
  expect(Object.keys(measures)).toEqual([
    ...['dino', 'clipI', 'clipT', 'pres', 'div', 'divFeatures', 'drift', 'classDrift'],
    ...['classAccuracy', 'memorised', 'exportBytes', 'trainedParameters', 'brightness'],
  ]);
  expect(measures['drift']).toBeGreaterThan(0);
  expect(measures['brightness']).toBeGreaterThan(1);
  expect(readdirSync(join(cwd, 'taught', 'evaluation', 'pictures'))).toHaveLength(4 + 2 + 2 + 2 + 2);
  const kept = ['records.jsonl', 'measures.json', 'evaluation.json', 'features.safetensors'].map(read);
  expect(kept.join('')).not.toContain(cwd);

  const again = await run('evaluate', 'taught', '--recompute', ...metric, '--json');
  expect(measuresIn(again)).toEqual(measures);
  expect(['records.jsonl', 'measures.json', 'evaluation.json', 'features.safetensors'].map(read)).toEqual(
    kept,
  );
});

it('says who is missing', async () => {
  const { code, stderr } = await run('evaluate', 'taught', '--clip', 'nowhere');
  expect(code).toBe(1);
  expect(stderr).toMatch(/there is no such folder/);
});
