// A finished run trained further ends as one that was planned so from the start, wherever that is defined; and a run is
// known by what its settings point to, not by how that is written.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { LikenessError } from './errors.ts';
import type { PipelineEvent } from './events.ts';
import { readEvents } from './runFolder/eventLog.ts';
import { createTrial, writeTinyPictures, type Trial } from './testing/index.ts';
import { tinyMethod } from './testing/tinyMethod.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await createTrial({ plugins: [tinyMethod()] });
});

let runs = 0;
/** Settings of a run whose looks and checkpoints do not fall on its old end, step 4. */
const settings = (more: ConfigInput = {}): ConfigInput & { readonly outputDir: string } => ({
  mode: 'auto',
  maxTrainSteps: 4,
  samples: true,
  samplePrompts: ['a thing'],
  numSamples: 1,
  sampleEverySteps: 3,
  checkpointingSteps: 3,
  ...more,
  outputDir: join(trial.folder, `run-${runs++}`),
});

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** What a finished run holds, but for what it says of itself being started and its stages. */
async function finished(folder: string): Promise<object> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !/^(events|timings)\.jsonl$|^config\.json$|^checkpoints.*json$|lock$/.test(file))
    .sort();
  const hashes = await Promise.all(files.map(async (file) => sha256(await readFile(join(folder, file)))));
  const events = readEvents(folder).filter(({ type }) => !type.startsWith('stage-'));
  const starts = events.filter(({ type }) => type === 'run-started');
  const plan = starts.map((event) => event.type === 'run-started' && event.config['maxTrainSteps']);
  return {
    files: Object.fromEntries(files.map((file, i) => [file, hashes[i]])),
    plan: [...new Set(plan)],
    events: events
      .map((event) => (event.type === 'run-finished' ? { ...event, next: '' } : event))
      .filter(({ type }) => !['run-started', 'dataset-loaded', 'warning', 'prior-reused'].includes(type)),
  };
}

async function refusal(run: Promise<unknown>): Promise<LikenessError> {
  const error: unknown = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LikenessError);
  return error as LikenessError;
}

const modesKept = (events: readonly PipelineEvent[]): readonly PipelineEvent[] =>
  events.filter((event) => event.type === 'warning' && event.code === 'run/mode-kept');

describe('a finished run trained further', () => {
  it.each([
    ['constant', {}],
    ['constant_with_warmup', { lrWarmupSteps: 2 }],
    ['piecewise_constant', { lrStepRules: '1:2,0.5:5,0.1' }],
  ] as const)('ends as one planned so from the start: %s', async (lrScheduler, more) => {
    const planned = settings({ lrScheduler, ...more, maxTrainSteps: 8, emaDecay: 0.9 });
    await trial.run({ ...planned, resume: 'latest' });
    const extended = { ...settings({ lrScheduler, ...more, emaDecay: 0.9 }), resume: 'latest' };
    await trial.run(extended);
    const events = await trial.run({ ...extended, maxTrainSteps: 8 });
    expect(events[0]).toMatchObject({ type: 'run-started', resumedFrom: 4 });
    expect(modesKept(events)).toEqual([]);
    expect(await finished(extended.outputDir)).toEqual(await finished(planned.outputDir));
    // And once more is done already.
    expect((await trial.run({ ...extended, maxTrainSteps: 8 })).map(({ type }) => type)).toEqual([
      'run-finished',
    ]);
  });

  it('keeps the compile mode it was begun in, and says what that costs', async () => {
    const extended = { ...settings({ samples: false }), resume: 'latest' };
    await trial.run(extended);
    const events = await trial.run({ ...extended, maxTrainSteps: 45 });
    expect(modesKept(events)).toMatchObject([{ text: expect.stringContaining('trainStep') as string }]);
    const planned = settings({ samples: false, maxTrainSteps: 45, mode: 'graph' });
    await trial.run(planned);
    const losses = (folder: string) => readEvents(folder).filter(({ type }) => type === 'step');
    expect(losses(extended.outputDir)).toEqual(losses(planned.outputDir));
  });

  it.each([
    [
      'cosine',
      { lrScheduler: 'cosine', maxTrainSteps: 8 },
      /lrScheduler cosine follows the number of steps: step 2 had/,
    ],
    ['fewer steps', { maxTrainSteps: 2 }, /never made shorter/],
    ['another rate', { learningRate: 2e-2, maxTrainSteps: 8 }, /config.learningRate: 0.01 then, 0.02 now/],
  ] as const)('is refused with the reason: %s', async (_, change, reason) => {
    const { lrScheduler } = { lrScheduler: 'constant', ...change } as const;
    const before = { ...settings({ lrScheduler, samples: false }), resume: 'latest' };
    await trial.run(before);
    const log = readEvents(before.outputDir);
    const error = await refusal(trial.run({ ...before, ...change }));
    expect(error.code).toBe('checkpoint/other-settings');
    expect(error.message).toMatch(reason);
    expect(error.hint).toContain('--pretrained-model RUN/export');
    expect(error.message.split('\n').length).toBeLessThanOrEqual(10);
    expect(readEvents(before.outputDir)).toEqual(log);
  });
});

describe('a run is known by content', () => {
  const moved = join('pictures-moved');
  afterEach(() => rm(join(trial.folder, moved), { recursive: true, force: true }));

  it('and goes on with pictures that were moved, however their path is written', async () => {
    const before = { ...settings({ samples: false }), resume: 'latest' };
    await trial.run(before);
    await cp(join(trial.folder, 'pictures'), join(trial.folder, moved), { recursive: true });
    const places = [join(trial.folder, moved), `${relative('.', join(trial.folder, moved))}/`];
    for (const [i, instanceDataDir] of places.entries()) {
      const events = await trial.run({ ...before, instanceDataDir, maxTrainSteps: 5 + i });
      expect(events[0]).toMatchObject({ type: 'run-started', resumedFrom: 4 + i });
    }
  });

  it('and not with other pictures, captions or class pictures', async () => {
    const classDataDir = join(trial.folder, 'class');
    await writeTinyPictures(classDataDir, { count: 2, width: 32 });
    const pictures = join(trial.folder, moved);
    await cp(join(trial.folder, 'pictures'), pictures, { recursive: true });
    const before = {
      ...settings({ samples: false, instanceDataDir: pictures }),
      pluginOptions: { tiny: { numClassImages: 2, classDataDir } },
      resume: 'latest',
    };
    await trial.run(before);
    const goOn = () => trial.run({ ...before, maxTrainSteps: 5 });
    const [first = '', second = ''] = await readdir(pictures);

    await writeFile(join(pictures, first.replace(/\.\w+$/, '.txt')), 'another caption');
    expect((await refusal(goOn())).message).toContain('captions: what lies there is another now');
    await rm(join(pictures, first.replace(/\.\w+$/, '.txt')));

    await rename(join(pictures, second), join(trial.folder, 'aside'));
    expect((await refusal(goOn())).message).toMatch(/pictures: \d then, \d now, \d of them the same/);
    await rename(join(trial.folder, 'aside'), join(pictures, second));

    const [ofClass = ''] = await readdir(classDataDir);
    await mkdir(join(trial.folder, 'class-2'));
    await cp(join(classDataDir, ofClass), join(trial.folder, 'class-2', ofClass));
    await cp(join(trial.folder, 'pictures', first), join(trial.folder, 'class-2', 'z.png'));
    const other = { tiny: { numClassImages: 2, classDataDir: join(trial.folder, 'class-2') } };
    expect(
      (await refusal(trial.run({ ...before, maxTrainSteps: 5, pluginOptions: other }))).message,
    ).toContain('pluginOptions.tiny.classDataDir: what lies there is another now');
    expect((await goOn())[0]).toMatchObject({ resumedFrom: 4 });
  });

  it('and a checkpoint of a version that wrote paths is gone on from', async () => {
    const before = { ...settings({ samples: false }), resume: 'latest' };
    await trial.run(before);
    const state = join(before.outputDir, 'checkpoints/step-4/state.json');
    const saved = JSON.parse(await readFile(state, 'utf8')) as {
      step: number;
      identity: Record<string, unknown>;
    };
    const { contents: _, config, ...identity } = saved.identity;
    const old = {
      ...(config as object),
      instanceDataDir: 'gone',
      pretrainedModel: 'gone',
      plugins: ['./gone.ts'],
    };
    const text = `${JSON.stringify({ step: 4, identity: { ...identity, config: old } })}\n`;
    await writeFile(state, text);
    const manifest = join(before.outputDir, 'checkpoints/step-4/manifest.json');
    const sealed = JSON.parse(await readFile(manifest, 'utf8')) as { files: Record<string, object> };
    sealed.files['state.json'] = { bytes: Buffer.byteLength(text), sha256: sha256(text) };
    await writeFile(manifest, JSON.stringify(sealed));
    const events = await trial
      .run({ ...before, resume: join(before.outputDir, 'checkpoints/step-4'), maxTrainSteps: 5 })
      .catch((error: unknown) => error);
    expect(events).toMatchObject(expect.arrayContaining([expect.objectContaining({ resumedFrom: 4 })]));
  });
});
