// Stage 1: captioned pictures, checked, decoded once.
import { DataError, progressReporter, type Stage } from '@likeness/core';
import type { CaptionedPicture } from '../data/captionedPictures.ts';
import { openPictureStore, type PictureStore } from '../data/pictureStore.ts';
import type { ComputeSetting } from './context.ts';

export const datasetStage: Stage<readonly CaptionedPicture[], PictureStore, ComputeSetting> = {
  name: 'dataset',
  async run(pictures, setting) {
    const { config, resolution, cache, emit, signal } = setting;
    const report = progressReporter(setting, 'dataset', 'pictures');
    const { heldOutShare, heldOutBy } = config;
    const store = await openPictureStore({
      pictures,
      resolution,
      heldOutShare,
      heldOutBy,
      cache,
      onProgress: report,
      signal,
    });
    if (store.training.length === 0) {
      await store.close();
      throw new DataError('no picture is left to train on', {
        code: 'pretrain/no-pictures',
        where: 'heldOutShare',
        got: `${heldOutShare} of ${pictures.length} pictures`,
        hint: 'hold fewer out, or add pictures',
      });
    }
    if (store.heldOut.length === 0)
      emit({
        type: 'warning',
        code: 'pretrain/nothing-held-out',
        text: 'no picture is held out: measures are made on training pictures',
      });
    emit({
      type: 'dataset-loaded',
      pictures: [...new Set(typeof config.data === 'string' ? [config.data] : config.data)],
      count: pictures.length,
      resolution,
      captions: pictures.length,
      masks: 0,
    });
    return store;
  },
};
