// Whole runs on the tiny model: what is said in which order, how a run stops, what class pictures cost twice.
import { existsSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensorRaw } from '@likeness/engine';
import { describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { EngineError } from './errors.ts';
import type { EventOf, PipelineEvent } from './events.ts';
import { exportCheckpoint } from './exportCheckpoint.ts';
import { runPipeline } from './pipeline.ts';
import { readEvents } from './runFolder/eventLog.ts';
import { readRun } from './runFolder/runSummary.ts';
import {
  createTinyModel,
  createTrial,
  openTinyModel,
  writeTinyPictures,
  type Trial,
} from './testing/index.ts';
import { tinyMethod } from './testing/tinyMethod.ts';

/** Writes NaN where the first number of a tensor is. */
async function holdNaN(path: string, key: string): Promise<void> {
  const { offset } = (await readSafetensorsHeader(path)).tensors.get(key)!;
  const file = await open(path, 'r+');
  await file.write(Buffer.from(Float32Array.of(NaN).buffer), 0, 4, offset);
  await file.close();
}

type MethodOptions = Parameters<typeof tinyMethod>[0];
const trialOf = (options: MethodOptions = {}, config: ConfigInput = {}): Promise<Trial> =>
  createTrial({ plugins: [tinyMethod(options)], config });

const ofType = <T extends PipelineEvent['type']>(events: readonly PipelineEvent[], type: T): EventOf<T>[] =>
  events.filter((event): event is EventOf<T> => event.type === type);

/** Node lists an ended process a moment longer. */
const noEngineIsLeft = (): Promise<void> =>
  vi.waitFor(() => {
    expect(process.getActiveResourcesInfo()).not.toContain('ProcessWrap');
  });

/** Runs, and does something at an event. */
function runUntil(
  { resolve, model }: Trial,
  values: ConfigInput,
  signal: AbortSignal,
  onEvent: (event: PipelineEvent) => void,
): Promise<PipelineEvent[]> {
  const { config, plugins } = resolve(values);
  const events: PipelineEvent[] = [];
  return new Promise((done, fail) => {
    runPipeline({ config, plugins, model, signal }).subscribe({
      next: (event) => {
        events.push(event);
        onEvent(event);
      },
      error: fail,
      complete: () => {
        done(events);
      },
    });
  });
}

describe('events', () => {
  it('warn of captions that are not read to their end, before anything long', async () => {
    const trial = await trialOf({ numClassImages: 1 });
    const instanceDataDir = join(trial.folder, 'captioned');
    await writeTinyPictures(instanceDataDir, { count: 2 });
    await writeFile(join(instanceDataDir, '0.txt'), 'one two three four five six');
    await writeFile(join(instanceDataDir, '1.txt'), 'one two three four five six seven');
    const events = await trial.run({ instanceDataDir, maxTrainSteps: 1 });
    const messages = ofType(events, 'warning').map(({ text }) => text);
    expect(messages.filter((message) => message.startsWith('caption'))).toEqual([
      'caption of 1.png is too long: "one two three four five six seven" has 7 tokens, the model reads 6, and the rest is cut off',
    ]);
    const types = events.map(({ type }) => type);
    expect(types.indexOf('warning')).toBeLessThan(types.indexOf('dataset-loaded'));
  });

  it('come in the documented order', async () => {
    const trial = await trialOf({ numClassImages: 3 });
    const outputDir = join(trial.folder, 'run');
    const events = await trial.run({
      outputDir,
      samples: true,
      samplePrompts: ['a thing'],
      numSamples: 1,
      sampleEverySteps: 2,
      checkpointingSteps: 2,
      maxTrainSteps: 3,
    });
    const told = events.map(({ type }) => type).filter((type) => type !== 'progress' && type !== 'warning');
    expect(told).toEqual([
      'run-started',
      ...['stage-started', 'dataset-loaded', 'stage-finished'],
      ...['stage-started', 'prior-image', 'prior-image', 'prior-image', 'stage-finished'],
      ...['stage-started', 'stage-finished'],
      ...['stage-started', 'samples-written'],
      ...['step', 'step', 'checkpoint-saved', 'samples-written'],
      ...['step', 'checkpoint-saved', 'samples-written', 'stage-finished'],
      ...['stage-started', 'exported', 'stage-finished'],
      'run-finished',
    ]);
    const stages = ofType(events, 'stage-started').map(({ stage }) => stage);
    expect(stages).toEqual(['dataset', 'prior', 'encoding', 'training', 'export']);
    expect(ofType(events, 'step').map(({ step }) => step)).toEqual([1, 2, 3]);
    // The loss is the weighted sum of its terms.
    for (const { loss, terms } of ofType(events, 'step')) {
      expect(loss).toBeCloseTo((terms['instance'] ?? NaN) + (terms['prior'] ?? NaN), 5);
    }
    const { state, step } = await readRun(outputDir);
    expect({ state, step }).toEqual({ state: 'finished', step: 3 });
    for (const file of ['README.md', 'config.json', 'export/manifest.json', 'samples/step-3/sheet.png'])
      expect(existsSync(join(outputDir, file)), file).toBe(true);
    await noEngineIsLeft();
  });

  it('are those of a run without class pictures when nobody asks for any', async () => {
    const trial = await trialOf();
    const events = await trial.run({ outputDir: join(trial.folder, 'run'), maxTrainSteps: 1 });
    expect(ofType(events, 'stage-started').map(({ stage }) => stage)).toEqual([
      'dataset',
      'encoding',
      'training',
      'export',
    ]);
  });
});

describe('stopping', () => {
  it('by signal tells the last events and leaves a checkpoint and no process', async () => {
    const trial = await trialOf();
    const stop = new AbortController();
    const outputDir = join(trial.folder, 'run');
    const events = await runUntil(trial, { outputDir, maxTrainSteps: 1000 }, stop.signal, (event) => {
      if (event.type === 'step' && event.step === 3) stop.abort();
    });
    const checkpoint = join(outputDir, 'checkpoints/step-3');
    expect(events.slice(-3)).toMatchObject([
      { type: 'checkpoint-saved', step: 3, folder: checkpoint },
      { type: 'stage-finished', stage: 'training' },
      { type: 'run-interrupted', step: 3, checkpoint, resume: `npx pipeline resume ${outputDir}` },
    ]);
    expect(existsSync(checkpoint)).toBe(true);
    expect(existsSync(join(outputDir, 'export'))).toBe(false);
    await noEngineIsLeft();
  });

  it('before the first step names no checkpoint, or the one the run came from', async () => {
    const trial = await trialOf({ numClassImages: 4 });
    const outputDir = join(trial.folder, 'run');
    const early = new AbortController();
    const first = await runUntil(trial, { outputDir }, early.signal, (event) => {
      if (event.type === 'prior-image') early.abort();
    });
    expect(first.at(-1)).toMatchObject({ type: 'run-interrupted', step: 0 });
    expect(first.at(-1)).not.toHaveProperty('checkpoint');

    const later = new AbortController();
    await runUntil(trial, { outputDir }, later.signal, (event) => {
      if (event.type === 'step' && event.step === 2) later.abort();
    });
    const again = new AbortController();
    const resumed = await runUntil(trial, { outputDir, resume: 'latest' }, again.signal, (event) => {
      if (event.type === 'stage-started' && event.stage === 'encoding') again.abort();
    });
    expect(resumed.at(-1)).toMatchObject({
      type: 'run-interrupted',
      step: 2,
      checkpoint: join(outputDir, 'checkpoints/step-2'),
    });
    await noEngineIsLeft();
  });
});

describe('a run that diverges', () => {
  it('ends with step, term and the last good checkpoint', async () => {
    const trial = await trialOf();
    const outputDir = join(trial.folder, 'run');
    // sgd without clipping: weights overflow within a few steps
    const values = { learningRate: 1e12, optimizer: 'sgd', maxGradNorm: 0, checkpointingSteps: 1 } as const;
    const error: unknown = await trial
      .run({ ...values, outputDir, maxTrainSteps: 50 })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EngineError);
    const steps = readEvents(outputDir).filter(({ type }) => type === 'step').length;
    expect(String(error)).toContain(`step ${steps + 1}: training has diverged`);
    expect(String(error)).toMatch(/instance is (NaN|Infinity)/);
    expect(String(error)).toContain(
      `the last good checkpoint is ${join(outputDir, `checkpoints/step-${steps}`)}`,
    );
    await noEngineIsLeft();
  });

  it('in its first step has another cause than the learning rate: the term that is infinite is named', async () => {
    const trial = await trialOf({ dividesByZero: true });
    const failing = trial.run({ outputDir: join(trial.folder, 'run') });
    await expect(failing).rejects.toMatchObject({
      code: 'model/not-finite',
      where: 'step 1',
      details: expect.arrayContaining(['infinite is Infinity']) as unknown,
      hint: expect.stringContaining('the learning rate is not the cause') as unknown,
    });
  });

  it('because the model holds NaN says so, not that the learning rate is too large', async () => {
    const trial = await createTrial({
      plugins: [tinyMethod({})],
      model: async (folder) => {
        await createTinyModel(folder);
        await holdNaN(join(folder, 'unet/diffusion_pytorch_model.safetensors'), 'conv_in.weight');
        return openTinyModel(folder);
      },
    });
    await expect(trial.run({ outputDir: join(trial.folder, 'run') })).rejects.toMatchObject({
      code: 'model/not-finite',
      hint: expect.stringContaining('weights of the model hold NaN') as unknown,
    });
  });
});

describe('class pictures', () => {
  const prior = { numClassImages: 6, sampleBatchSize: 2 };

  it('are made once, shared by runs, and topped up', async () => {
    const trial = await trialOf(prior);
    const cacheDir = join(trial.folder, 'cache');
    const made = await trial.run({ outputDir: join(trial.folder, 'a'), cacheDir, maxTrainSteps: 1 });
    expect(ofType(made, 'prior-image').map(({ done }) => done)).toEqual([1, 2, 3, 4, 5, 6]);
    const reused = await trial.run({ outputDir: join(trial.folder, 'b'), cacheDir, maxTrainSteps: 1 });
    expect(ofType(reused, 'prior-image')).toEqual([]);
    expect(ofType(reused, 'prior-reused')).toMatchObject([{ pictures: 6 }]);
    const more = { tiny: { numClassImages: 8 } };
    const values = { outputDir: join(trial.folder, 'c'), cacheDir, maxTrainSteps: 1, pluginOptions: more };
    const toppedUp = await trial.run(values);
    expect(ofType(toppedUp, 'prior-image').map(({ done }) => done)).toEqual([7, 8]);
    // Another seed starts other pictures: nothing of the first may be taken for them.
    const other = await trial.run({
      outputDir: join(trial.folder, 'd'),
      cacheDir,
      maxTrainSteps: 1,
      seed: 50,
    });
    expect(ofType(other, 'prior-image')).toHaveLength(6);
  });

  it('go on after an interruption without making a batch twice, to the same pictures', async () => {
    const trial = await trialOf(prior);
    const values = (name: string): ConfigInput => ({
      outputDir: join(trial.folder, name),
      cacheDir: join(trial.folder, `${name}-cache`),
      maxTrainSteps: 1,
    });
    const stop = new AbortController();
    const first = await runUntil(trial, values('stopped'), stop.signal, (event) => {
      if (event.type === 'prior-image' && event.done === 4) stop.abort();
    });
    expect(first.at(-1)).toMatchObject({ type: 'run-interrupted', step: 0 });
    const rest = await trial.run(values('stopped'));
    expect(ofType(rest, 'prior-image').map(({ done }) => done)).toEqual([5, 6]);
    const whole = await trial.run(values('whole'));
    const bytes = (events: PipelineEvent[]) =>
      Promise.all(ofType(events, 'prior-image').map(({ path }) => readFile(path)));
    expect([...(await bytes(first)), ...(await bytes(rest))]).toEqual(await bytes(whole));
    expect(ofType(rest, 'step')[0]?.loss).toBe(ofType(whole, 'step')[0]?.loss);
  });

  it('of the user come first, and none is made where they suffice', async () => {
    const trial = await trialOf();
    const classDataDir = join(trial.folder, 'own');
    const own = await writeTinyPictures(classDataDir, { count: 3, seed: 9 });
    const run = (name: string, numClassImages: number): Promise<PipelineEvent[]> =>
      trial.run({
        outputDir: join(trial.folder, name),
        maxTrainSteps: 1,
        pluginOptions: { tiny: { classDataDir, numClassImages } },
      });
    expect(ofType(await run('more', 5), 'prior-image').map(({ done }) => done)).toEqual([1, 2]);
    const enough = await run('enough', 2);
    expect(ofType(enough, 'prior-image')).toEqual([]);
    expect(ofType(enough, 'prior-reused')).toMatchObject([{ pictures: own.length, folder: classDataDir }]);
  });
});

describe('what is exported', () => {
  const FILES = { text: 'text_encoder/model.safetensors', unet: 'unet/diffusion_pytorch_model.safetensors' };
  const tensor = async (folder: string, file: string, key: string): Promise<Buffer> => {
    const entry = (await readSafetensorsHeader(join(folder, file))).tensors.get(key)!;
    return Buffer.from((await readTensorRaw(entry)) as Uint8Array);
  };

  it('has another text encoder only when that was asked for', async () => {
    for (const trainTextEncoder of [false, true]) {
      const trial = await trialOf({ trainTextEncoder });
      const outputDir = join(trial.folder, 'run');
      await trial.run({ outputDir, maxTrainSteps: 2 });
      const same = async (file: string): Promise<boolean> =>
        (await readFile(join(trial.folder, 'model', file))).equals(
          await readFile(join(outputDir, 'export', file)),
        );
      expect(await same(FILES.text)).toBe(!trainTextEncoder);
      expect(await same(FILES.unet)).toBe(false);
      expect(await same('vae/diffusion_pytorch_model.safetensors')).toBe(true);
    }
  });

  it('can be an earlier checkpoint, as the run would have exported it then', async () => {
    const trial = await trialOf();
    const long = { outputDir: join(trial.folder, 'long'), maxTrainSteps: 3, checkpointingSteps: 1 };
    await trial.run(long);
    await trial.run({ outputDir: join(trial.folder, 'short'), maxTrainSteps: 2 });
    const { config, plugins } = trial.resolve(long);
    const checkpoint = join(trial.folder, 'long/checkpoints/step-2');
    const output = join(trial.folder, 'earlier');
    const files = await exportCheckpoint({ config, plugins, model: trial.model, checkpoint, output });
    expect(files).toContain(FILES.unet);
    const [earlier, then, later] = await Promise.all(
      [output, join(trial.folder, 'short/export'), join(trial.folder, 'long/export')].map((folder) =>
        tensor(folder, FILES.unet, 'conv_in.weight'),
      ),
    );
    expect(earlier!.equals(then!)).toBe(true);
    expect(earlier!.equals(later!)).toBe(false);
    await rm(output, { recursive: true });
  });
});
