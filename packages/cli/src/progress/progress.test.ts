// The views of a run, from the events of a real one.
import type { EventOf, PipelineEvent } from '@likeness/core';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { liveView, sparkline } from './liveView.ts';
import { plainLines } from './plainLines.ts';
import { advance, NOTHING_YET, type RunProgress } from './runProgress.ts';

const folder = '/home/me/runs/20250131-142501-dreambooth+ppl-1a2b3c4d';

const started: PipelineEvent = {
  type: 'run-started',
  folder,
  recipe: 'dreambooth+ppl',
  config: {},
  model: { source: 'doodle', fingerprint: 'f', resolution: 64 },
  prompts: { instancePrompt: 'a photo of sks robot' },
};

function step(number: number): EventOf<'step'> {
  return {
    type: 'step',
    step: number,
    maxTrainSteps: 200,
    loss: 0.9881,
    terms: { instance: 0.4042, prior_preservation: 0.5839 },
    learningRates: { unet: 2e-4 },
    gradientNorm: 1.833,
    secondsPerStep: 0.114,
    secondsLeft: 16,
    memoryBytes: 1.9e9,
  };
}

const untilTraining: PipelineEvent[] = [
  started,
  { type: 'stage-started', stage: 'dataset' },
  { type: 'dataset-loaded', pictures: ['1', '2', '3', '4', '5'], resolution: 64, captions: 0, masks: 2 },
  { type: 'stage-finished', stage: 'dataset', seconds: 0.03 },
  { type: 'stage-started', stage: 'prior' },
  { type: 'prior-reused', pictures: 64, folder: '/cache' },
  { type: 'stage-finished', stage: 'prior', seconds: 0.1 },
  { type: 'stage-started', stage: 'encoding' },
  { type: 'stage-finished', stage: 'encoding', seconds: 1.2 },
  { type: 'stage-started', stage: 'training' },
];

const view = (events: readonly PipelineEvent[], columns = 100): string[] => {
  const progress = events.reduce<RunProgress>(advance, NOTHING_YET);
  return liveView(progress, { columns, frame: 0, cwd: '/home/me' }).map((line) =>
    stripVTControlCharacters(line).trimEnd(),
  );
};

describe('the live view', () => {
  it('shows stages, step, losses, speed and memory', () => {
    expect(view([...untilTraining, step(62), step(63)])).toEqual([
      'dreambooth+ppl  “a photo of sks robot” · doodle at 64 px',
      'runs/20250131-142501-dreambooth+ppl-1a2b3c4d',
      '',
      ' ✔ dataset   5 pictures at 64 px, 2 masks                 0.03 s',
      ' ✔ prior     64 class pictures, made before               0.10 s',
      ' ✔ encoding                                               1.2 s',
      ' ⠋ training  ━━━━━━━━━━──────────────────────  63/200  0.11 s/step  16 s left',
      '             loss 0.9881  instance 0.4042  prior_preservation 0.5839',
      '             lr 0.0002  gradient 1.833  memory 1.9 GB',
      '             ▁▁ loss',
      ' ○ export',
    ]);
  });

  it('shows what lasts inside a stage', () => {
    const compiling: PipelineEvent = { type: 'compile-started', function: 'trainStep', mode: 'xla' };
    expect(view([...untilTraining, compiling]).at(-2)).toBe(' ⠋ training  compiling trainStep');
    const sampling: PipelineEvent = {
      type: 'progress',
      stage: 'sampling',
      done: 3.4,
      total: 8,
      unit: 'pictures',
      secondsLeft: 4,
    };
    expect(view([...untilTraining, step(1), sampling])).toContain(
      '             sampling 3/8 pictures, 4.0 s left',
    );
  });

  it('leaves out what a run has passed over, and shows what it has measured', () => {
    const encoding: PipelineEvent[] = [
      started,
      { type: 'stage-started', stage: 'dataset' },
      { type: 'stage-finished', stage: 'dataset', seconds: 1 },
      { type: 'stage-started', stage: 'training' },
      step(2),
      { type: 'measured', step: 2, measures: { heldOutLoss: 0.41, 'true.t850': 0.6 } },
    ];
    const lines = view(encoding);
    expect(lines.some((line) => /^ . (prior|encoding) /.test(line))).toBe(false);
    expect(lines).toContain('             heldOutLoss 0.4100  true.t850 0.6000');
    expect(lines.at(-1)).toBe(' ○ export');
  });

  it('shows what comes before the first stage', () => {
    const setup: PipelineEvent = {
      type: 'progress',
      stage: 'setup',
      done: 5e7,
      total: 3e8,
      unit: 'bytes',
      message: 'TensorFlow: downloading',
    };
    expect(view([setup])).toEqual([
      ' ⠋ setup     ━━━━━───────────────────────────  TensorFlow: downloading, 50.0 MB/300 MB',
    ]);
  });

  it('is never wider than the terminal', () => {
    const narrow = view([...untilTraining, step(63)], 60);
    expect(narrow[0]?.length).toBeLessThanOrEqual(60);
  });
});

describe('plain lines', () => {
  it('tell beginnings and ends, and steps every ten seconds', () => {
    let now = 0;
    const linesOf = plainLines(() => now);
    const told = untilTraining.flatMap(linesOf);
    expect(told).toEqual([
      'dreambooth+ppl: “a photo of sks robot”',
      `run folder ${folder}`,
      'dataset done in 0.03 s: 5 pictures at 64 px, 2 masks',
      'prior done in 0.10 s: 64 class pictures, made before',
      'encoding done in 1.2 s',
    ]);
    const steps = [1, 2, 3, 4, 200].flatMap((number) => {
      now += 4000;
      return linesOf(step(number));
    });
    expect(steps.map((line) => line.slice(0, 13))).toEqual([
      'step 1/200  l',
      'step 4/200  l',
      'step 200/200 ',
    ]);
  });
});

it('a sparkline has a bar for each part of the values', () => {
  expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8)).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([3, 3, 3], 8)).toBe('▁▁▁');
  expect(sparkline([0, 0, 10, 10], 2)).toBe('▁█');
});
