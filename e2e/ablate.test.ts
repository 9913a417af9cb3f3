// A matrix with the installed command: killed and gone on with by another number of workers, it ends with the bytes of
// one that never stopped; a further value on an axis costs its own cells; one cell repeats as a run of its own.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { eventsOf, hashesOf, pipeline, start, type Result } from './support/pipeline.ts';

const cwd = mkdtempSync(join(tmpdir(), 'likeness-matrix-'));
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});

const question = {
  question: 'Does it matter what comes after two steps?',
  subjects: ['robot'],
  seeds: 2,
  settings: { maxTrainSteps: 2, trainBatchSize: 1, numInferenceSteps: 2, mode: 'graph', threads: 1 },
  evaluation: {
    ...{ prompts: ['a photo of {}', 'a photo of {} on the beach'], unrelatedPrompts: ['a photo of a cat'] },
    ...{ imagesPerPrompt: 1, numClassImages: 2, imagesPerUnrelatedPrompt: 1, mode: 'graph' },
  },
};
const write = (methods: readonly string[]): void => {
  writeFileSync(join(cwd, 'matrix.json'), JSON.stringify({ ...question, axes: { method: methods } }));
};
const words = (name: string, workers: number): string[] => [
  ...['ablate', 'matrix.json', '--json', '--workers', String(workers)],
  ...['--output-dir', name, '--cache-dir', `${name}-cache`],
];
const ablate = (name: string, workers: number): Promise<Result> => pipeline(words(name, workers), { cwd });
/** What may not depend on when and where it was made: everything but what cells took. */
const made = (name: string): Record<string, string> => {
  const parts = ['cells', 'report'].map((part) => hashesOf(join(cwd, name, part)));
  const files = Object.entries(Object.assign({}, ...parts) as Record<string, string>);
  return Object.fromEntries(files.filter(([file]) => !file.startsWith('times.')));
};
const count = (result: Result, type: string): number =>
  eventsOf(result).filter((event) => event.type === type).length;

it('killed and gone on with by two workers ends with the bytes of one worker', async () => {
  write(['lora', 'dreambooth']);
  const whole = await ablate('whole', 1);
  expect({ code: whole.code, stderr: whole.stderr }).toEqual({ code: 0, stderr: '' });
  expect(count(whole, 'cell-finished')).toBe(4);

  const killed = await start(words('killed', 2), { cwd }, (line, child) => {
    if (line.startsWith('{"type":"cell-finished"')) child.kill('SIGKILL');
  }).finished;
  expect(killed.signal).toBe('SIGKILL');
  const again = await ablate('killed', 2);
  expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
  expect(count(again, 'cell-finished')).toBeLessThan(4);
  expect(made('killed')).toEqual(made('whole'));

  const { stdout } = await pipeline(['status', 'killed'], { cwd });
  expect(stdout).toMatch(/4 of 4/);
  const page = readFileSync(join(cwd, 'whole', 'report', 'report.html'), 'utf8');
  expect(page).toContain(question.question);
});

it('a further value costs its own cells, and the report is written anew', async () => {
  write(['lora', 'dreambooth', 'textual-inversion']);
  const more = await ablate('whole', 2);
  expect({ code: more.code, stderr: more.stderr }).toEqual({ code: 0, stderr: '' });
  expect(count(more, 'cell-finished')).toBe(2);
  expect(readFileSync(join(cwd, 'whole', 'report', 'report.md'), 'utf8')).toContain('textual-inversion');
  expect(await pipeline(['report', 'whole'], { cwd })).toMatchObject({ code: 0, stderr: '' });
  const places = ['--output-dir', 'whole', '--cache-dir', 'whole-cache'];
  const plan = await pipeline(['ablate', 'matrix.json', '--dry-run', '--no-measure', ...places], { cwd });
  expect(plan.stdout).toMatch(/6 cells, 6 of them there already[^]*nothing is left to do/);
});

it('a cell repeats as a run', async () => {
  const [id = ''] = readdirSync(join(cwd, 'whole', 'cells'));
  const cell = join('whole', 'cells', id);
  const run = ['run', '--from', join(cell, 'config.json'), '--output-dir', 'alone', '--json'];
  expect(await pipeline(run, { cwd })).toMatchObject({ code: 0, stderr: '' });
  const { exports } = JSON.parse(readFileSync(join(cwd, cell, 'outcome.json'), 'utf8')) as {
    exports: Record<string, string>;
  };
  const files = hashesOf(join(cwd, 'alone', 'export'));
  expect(Object.keys(files).length).toBeGreaterThan(0);
  expect(exports).toEqual(files);
});
