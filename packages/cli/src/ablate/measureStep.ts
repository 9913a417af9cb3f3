// A few steps of a run, timed: what an estimate is calibrated by.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPipeline, type PluginSetup } from '@likeness/core';
import type { PreparedRun } from '../run/prepareRun.ts';

export interface MeasuredStep {
  readonly secondsPerStep: number;
  /** Until the first step was done: starting, loading, compiling, encoding. */
  readonly startSeconds: number;
  readonly peakMemoryBytes: number;
}

/** The first step compiles; those after it count. */
const STEPS = 4;
/** Enough for a batch: pictures of the class are not what is measured. */
const CLASS_PICTURES = 4;

/** Starts a run as it would run, stops it after a few steps, and takes its folder away. */
export async function measureStep(
  { config, plugins, model }: PreparedRun,
  { cacheDir, signal }: { readonly cacheDir?: string | undefined; readonly signal: AbortSignal },
): Promise<MeasuredStep> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-measure-'));
  const stop = new AbortController();
  const seconds: number[] = [];
  let peakMemoryBytes = 0;
  let startSeconds = 0;
  const start = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      const run = runPipeline({
        config: {
          ...config,
          outputDir: join(folder, 'run'),
          samples: false,
          checkpointingSteps: config.maxTrainSteps + 1,
          ...(cacheDir === undefined ? {} : { cacheDir }),
        },
        plugins: plugins.map(withFewPictures),
        model,
        signal: AbortSignal.any([stop.signal, signal]),
      });
      run.subscribe({
        next: (event) => {
          if (event.type !== 'step') return;
          if (seconds.length === 0) startSeconds = (performance.now() - start) / 1000;
          seconds.push(event.secondsPerStep);
          peakMemoryBytes = Math.max(peakMemoryBytes, event.memoryBytes);
          if (seconds.length >= STEPS) stop.abort();
        },
        error: reject,
        complete: resolve,
      });
    });
    signal.throwIfAborted();
    const counted = seconds.slice(1).toSorted((a, b) => a - b);
    const secondsPerStep = counted[Math.floor(counted.length / 2)] ?? seconds[0] ?? 0;
    return { secondsPerStep, startSeconds, peakMemoryBytes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function withFewPictures(setup: PluginSetup): PluginSetup {
  const { prior } = setup.contributions;
  if (prior === undefined || prior.target === 'frozen') return setup;
  const few = { ...prior, numClassImages: Math.min(prior.numClassImages, CLASS_PICTURES) };
  return { ...setup, contributions: { ...setup.contributions, prior: few } };
}
