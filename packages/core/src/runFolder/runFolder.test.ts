import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { appendFileSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { resolveConfig, type ResolvedConfig } from '../config/resolveConfig.ts';
import { portableConfig } from '../config/portableConfig.ts';
import { configHash } from '../config/configHash.ts';
import type { PipelineEvent } from '../events.ts';
import { definePlugin } from '../plugins/definePlugin.ts';
import { openCheckpoints, resolveResume, setDamagedAside } from './checkpoints.ts';
import { readEvents } from './eventLog.ts';
import { modelCard } from './modelCard.ts';
import { openRunFolder, readRunRecord, runName } from './runFolder.ts';
import { compareRuns, listRuns, readRun } from './runSummary.ts';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'likeness-runs-'))));
afterEach(() => rm(root, { recursive: true, force: true }));

const method = definePlugin({
  name: 'method',
  description: 'trains',
  options: z.strictObject({ rank: z.int().default(4) }),
  setup: () => ({
    trainable: () => ({
      groups: [],
      touches: [],
      export: () => Promise.resolve([]),
      detach: () => undefined,
    }),
  }),
});

function configOf(values: Record<string, unknown> = {}): ResolvedConfig {
  return resolveConfig({
    plugins: [method()],
    layers: [{ name: 'flags', values: { instanceDataDir: '/home/me/photos', classNoun: 'dog', ...values } }],
    model: {
      resolution: 64,
      samplers: ['ddim'],
      predictionType: 'epsilon',
      downsampleFactor: 8,
      recommended: {},
    },
  }).config;
}

const step = (number: number, loss = 1 / number): PipelineEvent => ({
  type: 'step',
  step: number,
  maxTrainSteps: 400,
  loss,
  terms: { denoising: loss },
  learningRates: { unet: 1e-4 },
  gradientNorm: 1,
  secondsPerStep: Math.random(),
  secondsLeft: 1,
  memoryBytes: 1e9,
});

async function makeRun(name: string, events: PipelineEvent[], values: Record<string, unknown> = {}) {
  const config = configOf(values);
  const run = await openRunFolder({
    outputDir: join(root, name),
    recipe: config.recipe,
    hash: configHash(config),
  });
  await run.writeConfig(config);
  for (const event of events) run.events.append(event);
  return run;
}

describe('openRunFolder', () => {
  it('names runs by time, recipe and hash', async () => {
    const time = new Date('2025-01-31T14:25:01Z');
    expect(runName('dreambooth+ppl', '1a2b3c4d5e', time)).toBe('20250131-142501-dreambooth+ppl-1a2b3c4d');
    const run = await openRunFolder({ root, recipe: 'a', hash: 'ffffffffff', time });
    expect(await readdir(root)).toEqual(['20250131-142501-a-ffffffff']);
    expect(run.samplesFolder(50)).toBe(join(run.path, 'samples', 'step-50'));
  });

  it('keeps the config and gives it back', async () => {
    const run = await makeRun('a', []);
    expect((await readRunRecord(run.path)).config).toEqual(configOf());
    expect((await readRunRecord(join(run.path, 'config.json'))).config).toEqual(configOf());
    await expect(readRunRecord(root)).rejects.toThrow('not the folder of a run');
  });
});

describe('configHash', () => {
  it('changes with what changes weights, and with nothing else', () => {
    const hash = configHash(configOf());
    expect(
      configHash(configOf({ outputDir: '/elsewhere', resume: 'latest', numSamples: 9, cacheDir: 'x' })),
    ).toBe(hash);
    expect(configHash(configOf({ seed: 1 }))).not.toBe(hash);
    expect(configHash(configOf({ threads: 64 }))).not.toBe(hash);
    expect(configHash(configOf(), { model: 'abc' })).not.toBe(hash);
  });
});

describe('event log', () => {
  it('writes equal events for equal runs, times apart, paths relative', async () => {
    const events = (folder: string): PipelineEvent[] => [
      step(1),
      { type: 'progress', stage: 'sampling', done: 1, total: 2, unit: 'pictures' },
      { type: 'checkpoint-saved', step: 1, folder: join(folder, 'checkpoints', 'step-1'), bytes: 3 },
    ];
    for (const name of ['a', 'b']) await makeRun(name, events(join(root, name)));
    const [a, b] = await Promise.all(
      ['a', 'b'].map((name) => readFile(join(root, name, 'events.jsonl'), 'utf8')),
    );
    expect(a).toBe(b);
    expect(a).not.toContain('progress');
    expect(readEvents(join(root, 'a'))[1]).toMatchObject({ folder: 'checkpoints/step-1' });
    expect(await readFile(join(root, 'a', 'timings.jsonl'), 'utf8')).toMatch(/"secondsPerStep":/);
  });

  it('rewinds to a checkpoint, over a torn line', async () => {
    const run = await makeRun('a', [step(1), step(2), step(3)]);
    appendFileSync(join(run.path, 'events.jsonl'), '{"type":"st');
    truncateSync(join(run.path, 'timings.jsonl'), 10);
    await run.events.rewindTo(2);
    run.events.append(step(3, 7));
    const again = await makeRun('b', [step(1), step(2), step(3, 7)]);
    expect(readEvents(run.path)).toEqual(readEvents(again.path));
  });
});

describe('checkpoints', () => {
  const write = (text: string) => (folder: string) => writeFile(join(folder, 'weights'), text);

  it('keeps the newest, up to the limit', async () => {
    const checkpoints = openCheckpoints(root, 2);
    for (const at of [9, 10, 100]) await checkpoints.save(at, write(`${at}`));
    expect((await checkpoints.list()).map((one) => one.step)).toEqual([10, 100]);
    expect(await checkpoints.latest()).toEqual({
      step: 100,
      folder: join(root, 'checkpoints', 'step-100'),
      bytes: 3,
    });
    await expect(checkpoints.at(9)).rejects.toThrow('expected: one of the steps 10, 100');
  });

  it('replaces a checkpoint taken again', async () => {
    const checkpoints = openCheckpoints(root);
    await checkpoints.save(1, write('old'));
    const { folder } = await checkpoints.save(1, write('new'));
    expect(await readFile(join(folder, 'weights'), 'utf8')).toBe('new');
    expect(await readdir(checkpoints.folder)).toEqual(['step-1']);
  });

  it.each(['', 'abd'])('does not resume from one whose bytes became %j', async (damage) => {
    const checkpoints = openCheckpoints(root);
    await checkpoints.save(1, write('abc'));
    const { folder } = await checkpoints.save(2, write('abc'));
    await writeFile(join(folder, 'weights'), damage);
    expect((await checkpoints.latest())?.step).toBe(1);
    await expect(resolveResume(folder, root)).rejects.toMatchObject({ code: 'checkpoint/damaged' });
  });

  it('keeps damaged ones under another name, and says which, how and where the run goes on', async () => {
    const checkpoints = openCheckpoints(root);
    for (const step of [1, 2, 3, 4]) await checkpoints.save(step, write('abc'));
    const at = (step: number, file: string): string => join(checkpoints.folder, `step-${step}`, file);
    truncateSync(at(4, 'weights'), 1);
    await writeFile(at(3, 'manifest.json'), '');
    await writeFile(at(2, 'weights'), 'abd');
    const recovery = await resolveResume('latest', root);
    expect(recovery.from?.step).toBe(1);
    expect(recovery.damaged.map(({ damage }) => damage)).toEqual([
      'weights: 1 bytes instead of 3',
      'manifest.json: it is not valid JSON (an empty file)',
      'weights: its contents have changed since it was written',
    ]);
    const [warning] = await setDamagedAside(recovery);
    expect(warning?.code).toBe('checkpoint/passed-over');
    expect(warning?.text).toContain(`${join(checkpoints.folder, 'step-4')} is damaged (weights: 1 bytes`);
    expect(warning?.text).toContain('goes on from step 1. It is kept as damaged-step-4.');
    expect(await readdir(checkpoints.folder)).toEqual([
      'damaged-step-2',
      'damaged-step-3',
      'damaged-step-4',
      'step-1',
    ]);
    expect((await checkpoints.list()).map(({ step }) => step)).toEqual([1]);
    // Damaged a second time, and all of them: from the start.
    await checkpoints.save(4, write('abc'));
    await writeFile(at(4, 'weights'), '');
    await rm(at(1, 'manifest.json'));
    const warnings = await setDamagedAside(await resolveResume('latest', root));
    expect(warnings.map(({ text }) => text)).toEqual([
      expect.stringContaining('damaged-step-4-2'),
      expect.stringContaining('starts again from step 0'),
    ]);
  });

  it('leaves nothing of a checkpoint that was not finished', async () => {
    const checkpoints = openCheckpoints(root);
    await expect(checkpoints.save(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const unfinished = await checkpoints.begin(2);
    await writeFile(join(unfinished.folder, 'weights'), 'half');
    expect(await checkpoints.list()).toEqual([]);
    expect(await checkpoints.latest()).toBeUndefined();
    // Its process is gone.
    const lock = `${unfinished.folder}.lock`;
    await writeFile(lock, (await readFile(lock, 'utf8')).replace(/"start":"[^"]*"/, '"start":"long ago"'));
    await openRunFolder({ outputDir: root, recipe: 'a', hash: '' });
    expect(await readdir(checkpoints.folder)).toEqual([]);
  });

  it('resumes from the latest, from a folder, or afresh', async () => {
    expect(await resolveResume('latest', root)).toEqual({ from: undefined, damaged: [] });
    const { folder } = await openCheckpoints(root).save(3, write('abc'));
    expect((await resolveResume('latest', root)).from?.step).toBe(3);
    expect((await resolveResume(folder, '/elsewhere')).from?.step).toBe(3);
    await mkdir(join(root, 'other'));
    await expect(resolveResume(join(root, 'other'), root)).rejects.toThrow('RUN/checkpoints/step-N');
  });
});

describe('runs', () => {
  it('are listed with their state and last loss', async () => {
    const finished: PipelineEvent = { type: 'run-finished', folder: '.', export: 'export', next: 'npx …' };
    await makeRun('b', [step(1), step(2, 0.25), finished]);
    await makeRun('a', [step(1), { type: 'run-interrupted', step: 1, resume: 'npx …' }]);
    await makeRun('c', []);
    await mkdir(join(root, 'no run'));
    expect(
      (await listRuns(root)).map(({ name, state, step: done, loss }) => [name, state, done, loss]),
    ).toEqual([
      ['a', 'interrupted', 1, 1],
      ['b', 'finished', 2, 0.25],
      ['c', 'unfinished', 0, undefined],
    ]);
    expect((await readRun(join(root, 'b'))).startedAt).toMatch(/^\d{4}-/);
  });

  it('are compared by settings and losses', async () => {
    const a = await makeRun('a', [step(1), step(2, 0.5)]);
    const b = await makeRun('b', [step(1), step(2, 0.25), step(3)], {
      seed: 1,
      pluginOptions: { method: { rank: 8 } },
    });
    const comparison = await compareRuns(a.path, b.path);
    expect(comparison.differences).toEqual([
      { key: 'pluginOptions.method.rank', a: 4, b: 8 },
      { key: 'seed', a: 0, b: 1 },
    ]);
    expect(comparison.curves.b).toHaveLength(3);
    expect(comparison.firstDifferentStep).toBe(2);
  });
});

describe('modelCard', () => {
  it('holds prompts, pictures and settings, and nothing of this machine', () => {
    const card = modelCard({
      config: configOf({ outputDir: '/home/me/runs/x', resume: 'latest' }),
      baseModel: '/models/tiny',
      samples: [{ path: 'samples/step-2/0.png', prompt: 'a photo of sks dog' }],
      sheet: 'samples/step-2/sheet.png',
      exported: 'export',
      withPrior: true,
      last: { step: 2, loss: 0.123456 },
    });
    expect(card).toContain('base_model: tiny\n');
    expect(card).toContain('# A dog, taught to tiny');
    expect(card).toContain('`a photo of a dog`, kept as the base model knows it');
    expect(card).toContain('from_pretrained("export")');
    expect(card).not.toMatch(/\/home|\/models|latest/);
  });

  it('shares portableConfig with exports', () => {
    expect(portableConfig(configOf())).toMatchObject({ instanceDataDir: 'photos', recipe: 'method' });
  });
});
