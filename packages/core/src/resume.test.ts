// A run killed at any moment and resumed ends as one that never stopped: the same exported bytes, the same losses.
// Runs are processes of their own, killed with SIGKILL: nothing of ours can tidy up.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { createRng } from '@likeness/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PipelineEvent } from './events.ts';
import { lossCurve, readEvents } from './runFolder/eventLog.ts';
import { openCheckpoints } from './runFolder/checkpoints.ts';
import { createTinyModel, temporaryFolder, writeTinyPictures } from './testing/index.ts';

const STEPS = 6;
const folder = temporaryFolder();
const modelFolder = join(folder, 'model');

/** Settings of a run; every part of the state a checkpoint must hold is in play. */
const settings = (name: string, more: object = {}): object => ({
  modelFolder,
  instanceDataDir: join(folder, 'pictures'),
  outputDir: join(folder, name),
  cacheDir: join(folder, `${name}-cache`),
  classNoun: 'thing',
  resume: 'latest',
  maxTrainSteps: STEPS,
  trainBatchSize: 2,
  gradientAccumulationSteps: 2,
  learningRate: 1e-2,
  lrScheduler: 'cosine',
  emaDecay: 0.9,
  randomFlip: true,
  checkpointingSteps: 1,
  checkpointsTotalLimit: 2,
  mode: 'graph',
  threads: 1,
  samplePrompts: ['a thing'],
  numSamples: 1,
  sampleEverySteps: 3,
  numInferenceSteps: 3,
  pluginOptions: { tiny: { numClassImages: 6 } },
  ...more,
});

interface Moment {
  readonly what: string;
  readonly is: (event: PipelineEvent) => boolean;
  /** Killed up to so long after it. */
  readonly withinMs: number;
}
const event = (type: PipelineEvent['type'], withinMs: number): Moment => ({
  what: type,
  is: (one) => one.type === type,
  withinMs,
});
const step = (number: number, withinMs: number): Moment => ({
  what: `step ${number}`,
  is: (one) => one.type === 'step' && one.step === number,
  withinMs,
});
const stage = (name: string, withinMs: number): Moment => ({
  what: `stage ${name}`,
  is: (one) => one.type === 'stage-started' && one.stage === name,
  withinMs,
});

/** Starting takes longer than a run: processes are started ahead and wait for their settings. */
const waiting: ChildProcessWithoutNullStreams[] = [];

function startAhead(count: number): void {
  const program = join(import.meta.dirname, 'testing/resumedRun.ts');
  const flags = ['--conditions=@likeness/source', '--import', 'jiti/register'];
  const cwd = join(import.meta.dirname, '..'); // where jiti is found
  while (waiting.length < count) waiting.push(spawn(process.execPath, [...flags, program], { cwd }));
}
afterAll(() => {
  for (const child of waiting) child.kill('SIGKILL');
});

/** Runs until the end, or kills the process at a moment. @returns events, as far as they were heard */
function run(values: object, moment?: Moment, delayMs = 0): Promise<PipelineEvent[]> {
  startAhead(3);
  const child = waiting.shift()!;
  child.stdin.end(JSON.stringify(values));
  const events: PipelineEvent[] = [];
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  createInterface(child.stdout).on('line', (line) => {
    const one = JSON.parse(line) as PipelineEvent;
    events.push(one);
    if (moment?.is(one)) setTimeout(() => child.kill('SIGKILL'), delayMs);
  });
  return new Promise((done, fail) => {
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') done(events);
      else fail(new Error(complaint));
    });
  });
}

/** What two runs must have in common. */
async function result(name: string): Promise<object> {
  const at = join(folder, name);
  const { files } = JSON.parse(await readFile(join(at, 'export/manifest.json'), 'utf8')) as { files: object };
  const steps = readEvents(at).filter(({ type }) => type === 'step');
  const last = await openCheckpoints(at).latest();
  const state = await readFile(join(last?.folder ?? '', 'state.safetensors'));
  return { files, steps, state: createHash('sha256').update(state).digest('hex') };
}

let expected: object;
beforeAll(async () => {
  await createTinyModel(modelFolder);
  await writeTinyPictures(join(folder, 'pictures'), { width: 40, height: 32 });
  await run(settings('whole'));
  expected = await result('whole');
});

describe('a run that is killed', () => {
  const chains: Moment[][] = [
    // Starting up, between class pictures, while a checkpoint is written, exporting.
    [event('run-started', 600), event('prior-image', 10), step(1, 40), step(4, 40), stage('export', 30)],
    [stage('encoding', 20), event('samples-written', 5), step(2, 20), step(2, 60), event('exported', 5)],
  ];
  it.concurrent.each(chains.map((moments, i) => [i, moments] as const))(
    'and resumed again and again ends bit for bit as one that never stopped (chain %i)',
    async (chain, moments) => {
      const name = `killed-${chain}`;
      const delays = createRng(7).stream('kill', chain, 0).uniform(moments.length);
      let finished = false;
      for (const [i, moment] of moments.entries()) {
        if (finished) break;
        const delayMs = (delays[i] ?? 0) * moment.withinMs;
        const before = (await openCheckpoints(join(folder, name)).latest())?.step;
        const events = await run(settings(name), moment, delayMs);
        const [first] = events;
        // It went on from the newest whole checkpoint, and says so.
        expect(first).toMatchObject({
          type: 'run-started',
          ...(before === undefined ? {} : { resumedFrom: before }),
        });
        expect(events.some(moment.is), `never came to ${moment.what}`).toBe(true);
        finished = events.at(-1)?.type === 'run-finished';
      }
      if (!finished) expect((await run(settings(name))).at(-1)?.type).toBe('run-finished');
      expect(await result(name)).toEqual(expected);
    },
  );
});

describe('the folder of a run', () => {
  /** All there is in it but times: bytes of every file, by its path. */
  const contents = (name: string): Record<string, string> => {
    const at = join(folder, name);
    const files = readdirSync(at, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map((entry) => relative(at, join(entry.parentPath, entry.name))).sort();
    return Object.fromEntries(
      paths
        .filter((path) => path !== 'timings.jsonl')
        .map((path) => {
          const bytes = readFileSync(join(at, path));
          if (!/config\.json$|events\.jsonl$/.test(path))
            return [path, createHash('sha256').update(bytes).digest('hex')];
          // Runs of different folders say these.
          return [path, bytes.toString().replaceAll(at, 'RUN').replaceAll(`${at}-cache`, 'CACHE')];
        }),
    );
  };
  const short = (name: string, more: object = {}): object =>
    settings(name, {
      resume: undefined,
      cacheDir: join(folder, 'boundary-cache'),
      maxTrainSteps: 3,
      checkpointingSteps: 2,
      sampleEverySteps: 2,
      gradientAccumulationSteps: 1,
      pluginOptions: { tiny: { numClassImages: 2 } },
      ...more,
    });

  it('is the same wherever the run was killed, README, samples and events too', async () => {
    const events = await run(short('undisturbed'));
    expect(events.at(-1)?.type).toBe('run-finished');
    const whole = contents('undisturbed');
    expect(Object.keys(whole)).toContain('README.md');
    expect(Object.keys(whole)).toContain('samples/step-3/sheet.png');
    const told = events.filter(({ type }) => type !== 'progress');
    const different: string[] = [];
    // From the last step on every event is tried; the chains above stop earlier ones, step by step.
    const lastStep = told.findLastIndex(({ type }) => type === 'step');
    for (let killAfter = lastStep + 1; killAfter < told.length; killAfter++) {
      const name = `boundary-${killAfter}`;
      await run(short(name, { killAfter }));
      const rest = await run(short(name, { resume: 'latest' }));
      expect(rest.at(-1)?.type).toBe('run-finished');
      try {
        expect(contents(name)).toEqual(whole);
      } catch (error) {
        const names = `files ${Object.keys(contents(name)).join(', ')}`;
        different.push(
          `after ${killAfter}, ${JSON.stringify(told[killAfter - 1])}: ${names}; ${String(error)}`,
        );
      }
      rmSync(join(folder, name), { recursive: true });
    }
    expect(different).toEqual([]);
  }, 300_000);
});

describe('resuming', () => {
  it('a finished run says so and does nothing', async () => {
    const log = readEvents(join(folder, 'whole'));
    const events = await run(settings('whole'));
    expect(events.map(({ type }) => type)).toEqual(['run-finished']);
    expect(readEvents(join(folder, 'whole'))).toEqual(log);
  });

  it('where nothing is starts afresh; in a new folder from the named checkpoint of another', async () => {
    const [first] = await run(settings('fresh', { maxTrainSteps: 1, samples: false }));
    expect(first).not.toHaveProperty('resumedFrom');
    expect(lossCurve(readEvents(join(folder, 'fresh')))).toHaveLength(1);
    const resume = join(folder, `whole/checkpoints/step-${STEPS - 1}`);
    const events = await run(settings('continued', { resume }));
    expect(events[0]).toMatchObject({ type: 'run-started', resumedFrom: STEPS - 1 });
    const { files, state } = (await result('continued')) as Record<string, unknown>;
    expect(expected).toMatchObject({ files, state });
  });

  it('under other settings is refused, naming each, and leaves the record as it was', async () => {
    const record = await readFile(join(folder, 'whole/config.json'), 'utf8');
    const log = readEvents(join(folder, 'whole'));
    const other = {
      maxTrainSteps: STEPS + 1,
      learningRate: 1e-3,
      pluginOptions: { tiny: { numClassImages: 4 } },
    };
    const error: unknown = await run(settings('whole', other)).catch((reason: unknown) => reason);
    expect(String(error)).toContain('the checkpoint was made under other settings');
    expect(String(error)).toContain('config.learningRate: 0.01 then, 0.001 now');
    expect(String(error)).toContain(`config.maxTrainSteps: ${STEPS} then, ${STEPS + 1} now`);
    expect(String(error)).toContain('config.pluginOptions.tiny.numClassImages: 6 then, 4 now');
    expect(await readFile(join(folder, 'whole/config.json'), 'utf8')).toBe(record);
    expect(readEvents(join(folder, 'whole'))).toEqual(log);
  });
});
