// Stage 1: the pictures of the subject, checked before anything long starts.
import type { Stage } from '../contracts.ts';
import { loadDataset, type Dataset } from '../data/dataset.ts';
import type { RunSetting } from './run.ts';

export const datasetStage: Stage<undefined, Dataset, RunSetting> = {
  name: 'dataset',
  async run(_, { config, emit }) {
    const { instanceDataDir, resolution, centerCrop, randomFlip, alpha, background, captions } = config;
    const dataset = await loadDataset({
      source: instanceDataDir,
      resolution,
      crop: centerCrop ? 'center' : 'random',
      randomFlip,
      alpha,
      background: colour(background),
    });
    for (const message of dataset.warnings) emit({ type: 'warning', message });
    const items = captions ? dataset.items : dataset.items.map(({ caption: _caption, ...item }) => item);
    emit({
      type: 'dataset-loaded',
      pictures: items.map(({ path }) => path),
      resolution,
      captions: items.filter((item) => 'caption' in item && item.caption !== undefined).length,
      masks: items.filter(({ hasMask }) => hasMask).length,
    });
    return { ...dataset, items };
  },
};

/** `#rrggbb` as three bytes. */
function colour(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
