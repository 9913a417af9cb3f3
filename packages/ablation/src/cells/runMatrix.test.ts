// A matrix killed at any moment and started again, with one worker or three, gives the same bytes as one that never
// stopped, and does nothing twice. Real processes, killed with SIGKILL.
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTinyModel, temporaryFolder, writeTinyPictures } from '@likeness/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forkTiny, planTiny, runTinyMatrix, TINY_QUESTION } from '../testing/runTinyMatrix.ts';
import type { MatrixEvent } from './runMatrix.ts';

const folder = temporaryFolder();
const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Every file of the cells and the results: no times among them. */
async function bytesOf(name: string): Promise<Record<string, string>> {
  const at = join(folder, name);
  const entries = await readdir(join(at, 'cells'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = [...files, join(at, 'results.json')]
    .sort()
    .map(async (file) => [file.slice(at.length), await readFile(file, 'utf8')]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

/** Runs the matrix in a process of its own, which is killed at a moment. */
function killedAt(
  name: string,
  workers: number,
  isMoment: (event: MatrixEvent) => boolean,
): Promise<MatrixEvent[]> {
  const child = forkTiny('tinyMatrix.ts', [folder, name, String(workers)]);
  children.add(child);
  const events: MatrixEvent[] = [];
  createInterface(child.stdout!).on('line', (line) => {
    const event = JSON.parse(line) as MatrixEvent;
    events.push(event);
    if (isMoment(event)) child.kill('SIGKILL');
  });
  return new Promise((done) => child.once('exit', () => done(events)));
}

const run = (name: string, more: Partial<Parameters<typeof runTinyMatrix>[0]> = {}) =>
  runTinyMatrix({ folder, name, cacheDir: join(folder, `${name}-cache`), workers: 1, ...more });
const worked = async (): Promise<string[]> =>
  (await readFile(join(folder, 'worked.log'), 'utf8')).trim().split('\n');
const classPictures = async (name: string): Promise<number> =>
  (await readdir(join(folder, `${name}-cache/store/class-pictures`))).length;

let expected: Record<string, string>;
beforeAll(async () => {
  await createTinyModel(join(folder, 'model'));
  await writeTinyPictures(join(folder, 'pictures'), { width: 32 });
  expect((await run('whole')).count).toEqual({ done: 4, failed: 0, invalid: 0, pending: 0 });
  expected = await bytesOf('whole');
});

describe('a matrix', () => {
  it('holds no times and no places in what cells leave, and shares class pictures', async () => {
    expect(Object.keys(expected).filter((file) => file.endsWith('result.json'))).toHaveLength(4);
    for (const text of Object.values(expected)) {
      expect(text).not.toContain('seconds');
      expect(text).not.toContain('whole');
    }
    // Two seeds, two methods: a batch of class pictures for each seed.
    expect(await classPictures('whole')).toBe(2);
  });

  it('with three workers, a worker killed, itself killed and started again ends with the same bytes', async () => {
    const before = (await worked()).length;
    const steps = new Set<string>();
    const events = await killedAt('killed', 3, (event) => {
      if (event.type === 'cell-event' && event.event.type === 'step') steps.add(event.id);
      return (
        event.type === 'cell-event' &&
        event.event.type === 'step' &&
        event.event.step === 3 &&
        steps.size >= 2
      );
    });
    expect(events.at(-1)).toMatchObject({ type: 'cell-event' });
    let victim: ChildProcess | undefined;
    const again: MatrixEvent[] = [];
    const { count } = await run('killed', {
      workers: 3,
      spawned: (child) => {
        children.add(child);
        victim ??= child;
      },
      emit: (event) => {
        again.push(event);
        if (
          event.type === 'cell-event' &&
          event.event.type === 'stage-started' &&
          event.event.stage === 'training'
        )
          victim?.kill('SIGKILL');
      },
    });
    expect(count).toEqual({ done: 4, failed: 0, invalid: 0, pending: 0 });
    expect(victim?.signalCode).toBe('SIGKILL');
    expect(await bytesOf('killed')).toEqual(expected);
    expect(await classPictures('killed')).toBe(2);
    // No cell came to its end twice.
    const done = (await worked()).slice(before).filter((line) => line.startsWith('done'));
    expect(new Set(done).size).toBe(done.length);
    expect(done).toHaveLength(4);
  });

  it('started again does nothing; with one more value only that, also in another folder', async () => {
    const before = (await worked()).length;
    await run('whole');
    expect(await worked()).toHaveLength(before);
    const more = { ...TINY_QUESTION, axes: { ...TINY_QUESTION.axes, maxTrainSteps: [4, 5] } };
    const events: MatrixEvent[] = [];
    const emit = (event: MatrixEvent) => events.push(event);
    await run('elsewhere', { cacheDir: join(folder, 'whole-cache'), question: more, workers: 2, emit });
    expect(events[0]).toMatchObject({ type: 'matrix-started', cells: 8, reused: 4 });
    expect((await worked()).slice(before).filter((line) => line.startsWith('done'))).toHaveLength(4);
  });

  it('shows cells that diverge, does not try them again, and retries what was killed by rule', async () => {
    const question = {
      axes: { method: ['slow'], diverges: [false, true] },
      seeds: 1,
      settings: { maxTrainSteps: 2 },
    };
    const events: MatrixEvent[] = [];
    const { results, count } = await run('diverging', { question, emit: (event) => events.push(event) });
    expect(count).toEqual({ done: 1, failed: 1, invalid: 0, pending: 0 });
    const failed = results.get('')?.find(({ status }) => status === 'failed');
    expect(failed?.reason).toContain('infinite is Infinity');
    expect(failed?.reason).not.toContain(folder);
    expect(failed?.factors).toEqual({ method: 'slow', diverges: true });
    expect(events.filter(({ type }) => type === 'cell-retried')).toEqual([]);
    const before = (await worked()).length;
    expect((await run('diverging', { question })).count).toMatchObject({ done: 1, failed: 1 });
    expect(await worked()).toHaveLength(before);

    const killed: MatrixEvent[] = [];
    const outcome = await run('hopeless', {
      question: { axes: { method: ['slow'] }, seeds: 1, settings: { maxTrainSteps: 3 } },
      spawned: (child) => child.once('message', () => child.kill('SIGKILL')),
      emit: (event) => killed.push(event),
    });
    expect(outcome.count).toMatchObject({ failed: 1 });
    expect(killed.map(({ type }) => type)).toEqual([
      'matrix-started',
      'cell-started',
      'cell-retried',
      'cell-started',
      'cell-failed',
    ]);
    // Another time it may end otherwise.
    expect(
      (
        await run('hopeless', {
          question: { axes: { method: ['slow'] }, seeds: 1, settings: { maxTrainSteps: 3 } },
        })
      ).count,
    ).toMatchObject({ done: 1 });
  });

  it('stopped keeps what is there; what is not is pending', async () => {
    const stop = new AbortController();
    const { count } = await run('stopped', {
      signal: stop.signal,
      emit: (event) => {
        if (event.type === 'cell-finished') stop.abort(new Error('stopped'));
      },
    });
    expect(count.done + count.pending).toBe(4);
    expect(count.pending).toBeGreaterThan(0);
    expect((await run('stopped')).count.done).toBe(4);
    expect(await bytesOf('stopped')).toEqual(expected);
  });

  it('names a cell by everything that can change it, and by nothing else', async () => {
    const idOf = async (settings: object): Promise<string> =>
      (await planTiny(folder, { seeds: 1, settings: { recipe: 'fast', ...settings } })).cells[0]!.id;
    const id = await idOf({});
    for (const same of [{ checkpointingSteps: 7 }, { outputDir: '/x' }, { cacheDir: '/y' }])
      expect(await idOf(same)).toBe(id);
    for (const other of [
      { threads: 2 },
      { mode: 'eager' },
      { mixedPrecision: 'bf16' },
      { learningRate: 0.5 },
      { classNoun: 'x' },
    ])
      expect(await idOf(other)).not.toBe(id);
  });
});
