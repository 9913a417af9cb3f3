// A checkpoint of a run as a model: of one that was stopped, or an earlier one of one that was not.
import { cacheDir as userCacheDir, openCache, readCheckpoint } from '@likeness/core';
import type { PretrainConfig } from './config.ts';
import { objectiveOf } from './objectives/objectiveOf.ts';
import { findCaptionedPictures } from './data/captionedPictures.ts';
import { datasetStage } from './stages/dataset.ts';
import { exportModel } from './stages/export.ts';
import type { Training } from './stages/context.ts';
import { prepare } from './stages/prepare.ts';

/** The network and the model the run began with. */
export type ExportPretrainedOptions = Training & CheckpointOptions;

interface CheckpointOptions {
  /** Settings of the run; number type and format of the export come from here. */
  readonly config: PretrainConfig;
  /** The run's folder. */
  readonly run: string;
  /** Folder of the checkpoint. */
  readonly checkpoint: string;
  /** Folder to write; it appears whole. */
  readonly output: string;
}

/** @returns the files written */
export async function exportPretrained(options: ExportPretrainedOptions): Promise<string[]> {
  const { config, run, checkpoint, output, ...training } = options;
  const cache = openCache(config.cacheDir ?? userCacheDir());
  const setting = {
    ...training,
    // Nothing runs often enough to be compiled.
    config: { ...config, mode: 'graph' as const },
    resolution: config.resolution ?? training.model.resolution,
    emit: () => undefined,
    signal: new AbortController().signal,
    paths: { run, cache: cache.dir },
    cache,
  };
  const pictures = await datasetStage.run(await findCaptionedPictures(setting.config.data), setting);
  const objective = objectiveOf(setting, pictures);
  try {
    const state = await prepare(setting, pictures, objective);
    try {
      const { trained, averageOf } = state.update;
      await readCheckpoint(checkpoint, state.machine.program, [...trained, ...averageOf.values()]);
      return await exportModel(state, output);
    } finally {
      await state.machine.close();
      state.update.dispose();
    }
  } finally {
    objective.close();
    await pictures.close();
  }
}
