// Pretraining killed with SIGKILL at any moment and resumed ends as one that never stopped: the same losses, the same
// bytes - though checkpoints, measures and samples come by the minute, hence at other steps.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openCheckpoints, readEvents, type PipelineEvent } from '@likeness/core';
import { temporaryFolder } from '@likeness/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyCorpus } from './testing/tinyCorpus.ts';
import { tinyRun, tinySettings } from './testing/tinyRun.ts';

const STEPS = 8;
const folder = temporaryFolder();
beforeAll(() => writeTinyCorpus(join(folder, 'corpus'), { count: 30 }));

const training = { batchSize: 4, learningRate: 1e-2, lrWarmupSteps: 2, emaDecay: 0.9, maxTrainSteps: STEPS };
const RUNS = {
  vae: { network: 'vae', vae: { ...training, cropSizePx: 16, wholeShare: 0.5 } },
  'text-encoder': { network: 'text-encoder', textEncoder: { ...training, imageTowerWidth: 4 } },
  unet: { network: 'unet', unet: training },
  'unet and text encoder': { network: 'unet', unet: { ...training, trainTextEncoder: true } },
} as const;

const children = new Set<ChildProcessWithoutNullStreams>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Runs in a process of its own until the end, or kills it when it has said something. */
function runAndKill(values: object, isMoment: (event: PipelineEvent) => boolean): Promise<PipelineEvent[]> {
  const program = join(import.meta.dirname, 'testing/killedRun.ts');
  const flags = ['--conditions=@likeness/source', '--import', 'jiti/register'];
  // Where jiti is found.
  const child = spawn(process.execPath, [...flags, program], {
    cwd: join(import.meta.dirname, '../../core'),
  });
  children.add(child);
  child.stdin.end(JSON.stringify(values));
  const events: PipelineEvent[] = [];
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  createInterface(child.stdout).on('line', (line) => {
    const event = JSON.parse(line) as PipelineEvent;
    events.push(event);
    if (isMoment(event)) child.kill('SIGKILL');
  });
  return new Promise((done, fail) => {
    child.on('close', (code, signal) => {
      children.delete(child);
      if (code === 0 || signal === 'SIGKILL') done(events);
      else fail(new Error(complaint));
    });
  });
}

async function result(name: string): Promise<object> {
  const at = join(folder, name);
  const { files } = JSON.parse(await readFile(join(at, 'export/manifest.json'), 'utf8')) as { files: object };
  const steps = readEvents(at).filter(({ type }) => type === 'step');
  const last = await openCheckpoints(at).latest();
  const state = await readFile(join(last?.folder ?? '', 'state.safetensors'));
  return { files, steps, state: createHash('sha256').update(state).digest('hex') };
}

describe.each(Object.entries(RUNS))('%s', (label, { network, ...settings }) => {
  it('killed twice and resumed ends bit for bit as one that never stopped', async () => {
    const values = (name: string, more: object = {}): Record<string, unknown> =>
      tinySettings(folder, {
        outputDir: join(folder, `${label}-${name}`),
        resume: 'latest',
        ...settings,
        ...more,
      });
    // Looks at every step, and at none but the last: they must leave no trace in the weights.
    await tinyRun(network, values('whole', { measureMinutes: 0, sampleMinutes: 0 }));
    for (const at of [3, 6]) {
      const events = await runAndKill(
        { network, ...values('killed') },
        (event) => event.type === 'step' && event.step === at,
      );
      expect(events.at(-1)).toMatchObject({ type: 'step', step: at });
    }
    const events = await tinyRun(network, values('killed'));
    expect(events[0]).toMatchObject({ type: 'run-started', resumedFrom: 5 });
    expect(await result(`${label}-killed`)).toEqual(await result(`${label}-whole`));
  });
});

it('goes on only with the settings it was begun with', async () => {
  const unet = { ...training, learningRate: 1e-3 };
  const values = tinySettings(folder, { outputDir: join(folder, 'unet-whole'), resume: 'latest', unet });
  await expect(tinyRun('unet', { ...values, unet: { ...unet, maxTrainSteps: STEPS + 1 } })).rejects.toThrow(
    /made under other settings[^]*learningRate: 0.01 then, 0.001 now/,
  );
});
