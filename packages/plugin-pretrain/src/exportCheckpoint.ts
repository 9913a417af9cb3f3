// A checkpoint of a run as a model: of one that was stopped, or an earlier one of one that was not.
import { cacheDir as userCacheDir, openCache, readCheckpoint, type DiffusionModel } from '@likeness/core';
import type { NetworkName, PretrainConfig } from './config.ts';
import { objectiveOf } from './objectives/objectiveOf.ts';
import { findCaptionedPictures } from './data/captionedPictures.ts';
import { datasetStage } from './stages/dataset.ts';
import { exportModel } from './stages/export.ts';
import { prepare } from './stages/prepare.ts';

export interface ExportPretrainedOptions {
  readonly network: NetworkName;
  /** Settings of the run; number type and format of the export come from here. */
  readonly config: PretrainConfig;
  /** The model the run began with. */
  readonly model: DiffusionModel;
  /** The run's folder. */
  readonly run: string;
  /** Folder of the checkpoint. */
  readonly checkpoint: string;
  /** Folder to write; it appears whole. */
  readonly output: string;
}

/** @returns the files written */
export async function exportPretrained(options: ExportPretrainedOptions): Promise<string[]> {
  const { network, config, model, run, checkpoint, output } = options;
  const cache = openCache(config.cacheDir ?? userCacheDir());
  const setting = {
    network,
    // Nothing runs often enough to be compiled.
    config: { ...config, mode: 'graph' as const },
    model,
    resolution: config.resolution ?? model.resolution,
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
