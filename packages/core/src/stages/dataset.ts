// Stage 1: the pictures of the subject, checked before anything long starts.
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { Stage, StageContext } from '../contracts.ts';
import { loadDataset, type Dataset, type DatasetOptions } from '../data/dataset.ts';

export const datasetStage: Stage<ResolvedConfig, Dataset, StageContext> = {
  name: 'dataset',
  async run(config, { emit }) {
    const { instanceDataDir, resolution, captions } = config;
    const dataset = await loadDataset({ ...pictureOptions(config), source: instanceDataDir });
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

/** How the config wants pictures read and cut: the subject's and those of the class alike, as train_dreambooth.py. */
export function pictureOptions(config: ResolvedConfig): Omit<DatasetOptions, 'source'> {
  const { resolution, centerCrop, randomFlip, alpha, background } = config;
  const crop = centerCrop ? 'center' : 'random';
  return { resolution, crop, randomFlip, alpha, background: colour(background) };
}

/** `#rrggbb` as three bytes. */
function colour(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
