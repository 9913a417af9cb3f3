// A run of pretraining on the tiny model, for tests: as a function, and as a process that tests kill.
import { join } from 'node:path';
import type { ModelSource, PipelineEvent } from '@likeness/core';
import { createTinyModel, openTinyModel } from '@likeness/core/testing';
import { resolvePretrainConfig, type NetworkName } from '../config.ts';
import { pretrain, startModel } from '../pretrain.ts';

/** The tiny model as a source: definitions say only the seed. */
export const tinyModels: ModelSource = {
  open: (name) => openTinyModel(name, { predictionType: 'v_prediction' }),
  identify: async ({ seed }) => ({ seed }),
  create: async ({ seed }, folder) => {
    await createTinyModel(folder, { seed });
  },
};

/** Settings of a short run below a folder. */
export const tinySettings = (folder: string, more: object = {}): Record<string, unknown> => ({
  data: join(folder, 'corpus'),
  model: 'tiny',
  cacheDir: join(folder, 'cache'),
  heldOutShare: 0.2,
  measurePictures: 8,
  mode: 'graph',
  threads: 1,
  numSamples: 2,
  numInferenceSteps: 2,
  checkpointMinutes: 0,
  ...more,
});

export async function tinyRun(
  network: NetworkName,
  values: Readonly<Record<string, unknown>>,
  onEvent: (event: PipelineEvent) => void = () => undefined,
): Promise<PipelineEvent[]> {
  const config = resolvePretrainConfig([{ name: 'test', values }]);
  const model = await startModel(config, tinyModels);
  const events: PipelineEvent[] = [];
  return new Promise((done, fail) => {
    pretrain({ network, config, model }).subscribe({
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
