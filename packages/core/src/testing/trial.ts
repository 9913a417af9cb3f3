// What a plugin is tried on: a model in a folder, pictures beside it, and runs of its recipe on them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigLayer } from '../config/layers.ts';
import { modelFacts, resolveConfig, type Resolved } from '../config/resolveConfig.ts';
import type { ConfigInput } from '../config/schema.ts';
import type { DiffusionModel } from '../contracts.ts';
import type { PipelineEvent } from '../events.ts';
import type { Plugin } from '../plugins/definePlugin.ts';
import { runPipeline } from '../pipeline.ts';
import { createTinyModel } from './tinyModel.ts';
import { writeTinyPictures } from './tinyPictures.ts';

export interface Trial {
  readonly folder: string;
  readonly model: DiffusionModel;
  /** Settings of a short run; `values` over them. */
  resolve(values?: ConfigInput, more?: readonly ConfigLayer[]): Resolved;
  /** Runs to the end. */
  run(values: ConfigInput): Promise<PipelineEvent[]>;
}

export interface TrialOptions {
  readonly plugins: readonly Plugin[];
  readonly model?: (folder: string) => Promise<DiffusionModel>;
  readonly config?: ConfigInput;
}

const folders = new Set<string>();

/** A folder for the time of this process. */
export function temporaryFolder(): string {
  if (folders.size === 0) {
    process.once('exit', () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });
  }
  const folder = mkdtempSync(join(tmpdir(), 'likeness-'));
  folders.add(folder);
  return folder;
}

/** Short, quiet, and the same on every machine. */
const SHORT: ConfigInput = {
  classNoun: 'thing',
  maxTrainSteps: 4,
  trainBatchSize: 2,
  learningRate: 1e-2,
  mode: 'graph',
  threads: 1,
  samples: false,
  numInferenceSteps: 2,
};

export async function createTrial({
  plugins,
  model: create = createTinyModel,
  config,
}: TrialOptions): Promise<Trial> {
  const folder = temporaryFolder();
  const model = await create(join(folder, 'model'));
  const instanceDataDir = join(folder, 'pictures');
  await writeTinyPictures(instanceDataDir, { width: Math.max(32, model.resolution) });
  const cacheDir = join(folder, 'cache');
  const resolve: Trial['resolve'] = (values = {}, more = []) =>
    resolveConfig({
      plugins,
      layers: [
        { name: 'trial', values: { ...SHORT, instanceDataDir, cacheDir, ...config, ...values } },
        ...more,
      ],
      model: modelFacts(model),
    });
  const run: Trial['run'] = (values) => {
    const { config: resolved, plugins: setups } = resolve(values);
    const events: PipelineEvent[] = [];
    return new Promise((done, fail) => {
      runPipeline({ config: resolved, plugins: setups, model }).subscribe({
        next: (event) => events.push(event),
        error: fail,
        complete: () => {
          done(events);
        },
      });
    });
  };
  return { folder, model, resolve, run };
}
