// A run of pretraining on the tiny model, for tests: as a function, and as a process that tests kill.
import { join } from 'node:path';
import type { EncoderSource, ModelSource, PipelineEvent } from '@likeness/core';
import { createTinyModel, openTinyModel } from '@likeness/core/testing';
import { resolvePretrainConfig, type NetworkName } from '../config.ts';
import { openTraining } from '../openTraining.ts';
import { pretrain } from '../pretrain.ts';

/** The tiny model as a source: definitions say only the seed. */
export const tinyModels: ModelSource = {
  open: (name) => openTinyModel(name, { predictionType: 'v_prediction' }),
  identify: async ({ seed }) => ({ seed }),
  create: async ({ seed }, folder) => {
    await createTinyModel(folder, { seed });
  },
};

const none = async (): Promise<never> => {
  throw new Error('this test has no encoders');
};
const noEncoders: EncoderSource = { open: none, identify: none, create: none };

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
  encoders: EncoderSource = noEncoders,
): Promise<PipelineEvent[]> {
  const config = resolvePretrainConfig([{ name: 'test', values }]);
  const training = await openTraining(network, config, { models: tinyModels, encoders });
  const events: PipelineEvent[] = [];
  return new Promise((done, fail) => {
    pretrain({ ...training, config }).subscribe({
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
