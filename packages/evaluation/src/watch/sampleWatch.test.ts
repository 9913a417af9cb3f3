// A run that is watched: what is told at which step, and where a rule ends it, also when it is interrupted before.
import { join } from 'node:path';
import {
  readEvents,
  runPipeline,
  type PipelineEvent,
  type SamplePicture,
  type SampleWatch,
  type WatchedSamples,
} from '@likeness/core';
import { createTrial, type Trial } from '@likeness/core/testing';
import { definePlugin } from '@likeness/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Judge } from '../judge.ts';
import { createSampleWatch } from './sampleWatch.ts';
import { holds, parseStopRule } from './stopRule.ts';

describe('parseStopRule', () => {
  it('reads conditions, any of which is enough', () => {
    const rule = parseStopRule('dino>=dinoOfReferences, drift > 0.1');
    expect(holds(rule, { dino: 0.8, dinoOfReferences: 0.9, drift: 0.05 })).toBeUndefined();
    expect(holds(rule, { dino: 0.9, dinoOfReferences: 0.9, drift: 0.05 })).toBe(
      'dino 0.9000 >= dinoOfReferences 0.9000',
    );
    expect(holds(rule, { dino: 0.8, drift: 0.13 })).toBe('drift 0.1300 > 0.1');
  });

  it.each(['dinno>0.5', 'drift>', 'drift=0.1', 'drift>much', ''])('refuses %s', (text) => {
    expect(() => parseStopRule(text)).toThrow(/earlyStop/);
  });
});

/** The mean colour: enough to see a difference, and no process to start. */
const meanColour: Judge = {
  name: 'mean colour',
  fingerprint: '0',
  dimensions: 3,
  imageFeatures: async (pictures) =>
    pictures.map(({ data }) =>
      Float32Array.from([0, 1, 2], (c) => data.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 1)),
    ),
};

/** Trains the last bias: pictures change at every step. */
const shifting = definePlugin({
  name: 'shifting',
  description: 'trains a bias',
  options: z.strictObject({}),
  setup: () => ({
    trainable: ({ noisePredictor }) => ({
      groups: [
        {
          name: 'bias',
          variables: [...noisePredictor.parameters.entries().values()]
            .filter(({ key }) => key === 'conv_out.bias')
            .map(({ variable }) => variable),
        },
      ],
      touches: ['unet'],
      export: async () => [],
      detach: () => undefined,
    }),
  }),
});

const watch = (rule?: string): SampleWatch =>
  createSampleWatch({
    judge: meanColour,
    showsSubject: (prompt) => prompt.includes('sks'),
    maxDrift: 1e-9,
    ...(rule === undefined ? {} : { stopRule: parseStopRule(rule) }),
  });

const told = (events: readonly PipelineEvent[]): string[] =>
  events.flatMap((event) => {
    if (event.type === 'measured') return `measured ${event.step}`;
    if (event.type === 'early-stopped') return `stopped ${event.step} of ${event.maxTrainSteps}`;
    if (event.type === 'checkpoint-saved') return `checkpoint ${event.step}`;
    return event.type === 'exported' || event.type === 'run-interrupted' ? event.type : [];
  });

function run(trial: Trial, values: object, given?: SampleWatch, stopAt?: number): Promise<PipelineEvent[]> {
  const { config, plugins } = trial.resolve({
    samples: true,
    numSamples: 1,
    samplePrompts: ['a photo of sks thing', 'a photo of a thing'],
    sampleEverySteps: 2,
    maxTrainSteps: 8,
    checkpointingSteps: 3,
    ...values,
  });
  const stop = new AbortController();
  const events: PipelineEvent[] = [];
  return new Promise((done, fail) => {
    runPipeline({
      config,
      plugins,
      model: trial.model,
      signal: stop.signal,
      ...(given ? { watch: given } : {}),
    }).subscribe({
      next: (event) => {
        events.push(event);
        if (event.type === 'step' && event.step === stopAt) stop.abort();
      },
      error: fail,
      complete: () => {
        done(events);
      },
    });
  });
}

describe('a watched run', () => {
  it('is told of drift once, ends where its rule holds, and exports', async () => {
    const trial = await createTrial({ plugins: [shifting()] });
    const outputDir = join(trial.folder, 'stopped');
    const looks: WatchedSamples[] = [];
    const inner = watch('drift>1e-7');
    const looking: SampleWatch = { ...inner, look: (samples) => (looks.push(samples), inner.look(samples)) };
    const earlyStop = 'drift>1e-7';
    const events = await run(trial, { outputDir, earlyStop }, looking);
    const stoppedAt = events.find((event) => event.type === 'early-stopped')?.step ?? 0;
    expect(stoppedAt).toBeGreaterThan(0);
    expect(stoppedAt).toBeLessThan(8);
    expect(looks.map(({ step }) => step)).toEqual(Array.from({ length: stoppedAt / 2 + 1 }, (_, i) => 2 * i));
    const plain = (pictures: readonly SamplePicture[] = []): unknown[] =>
      pictures.map(({ prompt, seed, image }) => [prompt, seed, [...image.data]]);
    for (const look of looks) expect(plain(look.first)).toEqual(plain(looks[0]?.pictures));
    expect(told(events).slice(-3)).toEqual([
      `stopped ${stoppedAt} of 8`,
      `checkpoint ${stoppedAt}`,
      'exported',
    ]);
    expect(events.filter((event) => event.type === 'warning' && event.text.includes('drifted'))).toHaveLength(
      1,
    );

    // stopped by hand before that, and gone on: the same end, and the same log
    const interrupted = join(trial.folder, 'interrupted');
    await run(trial, { outputDir: interrupted, earlyStop }, watch('drift>1e-7'), 1);
    await run(trial, { outputDir: interrupted, earlyStop, resume: 'latest' }, watch('drift>1e-7'));
    const kept = (folder: string): string[] =>
      readEvents(folder)
        .filter(({ type }) => ['measured', 'early-stopped', 'step'].includes(type))
        .map((event) => JSON.stringify(event));
    expect(kept(interrupted)).toEqual(kept(outputDir));
    // nothing is left to do
    const again = await run(trial, { outputDir, earlyStop, resume: 'latest' }, watch('drift>1e-7'));
    expect(again.map(({ type }) => type)).toEqual(['run-finished']);
  });

  it('is refused without anybody who watches, or anything to look at', async () => {
    const trial = await createTrial({ plugins: [shifting()] });
    await expect(run(trial, { watch: true })).rejects.toThrow(/nobody watches/);
    expect(() => trial.resolve({ watch: true, samples: false })).toThrow(/samples are off/);
  });
});
