// Killed at any moment and resumed, a run ends bit for bit as one that never stopped.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, hashesOf, pipeline, start, TINY, type Result } from './support/pipeline.ts';

const cwd = mkdtempSync(join(tmpdir(), 'likeness-interrupted-'));
afterAll(() => {
  rmSync(cwd, { recursive: true, force: true });
});
const settings = [
  'dreambooth',
  '--subject',
  'robot',
  '--max-train-steps',
  '8',
  '--checkpointing-steps',
  '2',
  '--checkpoints-total-limit',
  '1',
  '--no-samples',
  ...TINY,
];
const runIn = (folder: string): string[] => ['run', ...settings, '--output-dir', folder, '--json'];

/** Runs until a line is said, does something to the process, and waits for its end. */
function until(
  folder: string,
  isMoment: (line: string) => boolean,
  act: (child: ChildProcess) => void,
): Promise<Result> {
  let done = false;
  return start(runIn(folder), { cwd }, (line, child) => {
    if (done || !isMoment(line)) return;
    done = true;
    act(child);
  }).finished;
}

const saysStep = (step: number) => (line: string) => line.startsWith(`{"type":"step","step":${step},`);
const says = (text: string) => (line: string) => line.includes(text);

describe('an interrupted run', () => {
  let whole: Record<string, string>;

  beforeAll(async () => {
    const { code, stderr } = await pipeline(runIn('whole'), { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    whole = hashesOf(join(cwd, 'whole', 'export'));
  });

  const moments: [string, (line: string) => boolean][] = [
    ['before the first step', says('"stage":"training"')],
    ['in the step before a checkpoint', saysStep(3)],
    ['while a checkpoint is written', saysStep(4)],
    ['right after a checkpoint', says('"checkpoint-saved","step":6')],
    ['while it exports', says('"type":"stage-started","stage":"export"')],
  ];

  it.each(moments)('killed %s and resumed makes the same files', async (name, isMoment) => {
    const folder = name.replaceAll(' ', '-');
    const killed = await until(folder, isMoment, (child) => child.kill('SIGKILL'));
    expect(killed.signal).toBe('SIGKILL');
    const resumed = await pipeline(['resume', folder, '--json'], { cwd });
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect(hashesOf(join(cwd, folder, 'export'))).toEqual(whole);
    const { stdout } = await pipeline(['runs', 'compare', 'whole', folder], { cwd });
    expect(stdout).toContain('losses are equal in every bit over 8 steps');
  });

  it('by Ctrl-C finishes its step, writes a checkpoint and exits with 130', async () => {
    const stopped = await until('stopped', saysStep(3), (child) => child.kill('SIGINT'));
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain('finishing the step, writing a checkpoint');
    const last = eventsOf(stopped).at(-1);
    expect(last).toMatchObject({ type: 'run-interrupted' });
    const step = Number(last?.['step']);
    expect(step).toBeGreaterThanOrEqual(3);
    expect(step).toBeLessThan(8);
    expect(String(last?.['checkpoint'])).toBe(join(cwd, 'stopped', 'checkpoints', `step-${step}`));
    expect(await pipeline(['resume', 'stopped', '--json'], { cwd })).toMatchObject({ code: 0 });
    expect(hashesOf(join(cwd, 'stopped', 'export'))).toEqual(whole);
  });

  it('by Ctrl-C twice is gone within a second, with nothing torn', async () => {
    let at = 0;
    const gone = await until('gone', saysStep(3), (child) => {
      child.kill('SIGINT');
      at = performance.now();
      setTimeout(() => child.kill('SIGINT'), 20);
    });
    expect(performance.now() - at).toBeLessThan(1000);
    expect(gone.code).toBe(130);
    expect(
      await pipeline(['run', ...settings, '--output-dir', 'gone', '--resume', 'latest', '--json'], { cwd }),
    ).toMatchObject({ code: 0 });
    expect(hashesOf(join(cwd, 'gone', 'export'))).toEqual(whole);
  });
});
