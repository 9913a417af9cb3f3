// Stage 1: the pictures of the subject, checked before anything long starts.
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { Stage, StageContext } from '../contracts.ts';
import { loadDataset, type Dataset, type DatasetOptions } from '../data/dataset.ts';
import { captionWarnings } from '../prompts/captionWarnings.ts';
import { newWordsOf } from '../prompts/newWords.ts';
import type { PluginSetup } from '../plugins/setUpPlugins.ts';
import type { RunSetting } from './run.ts';

/** What is asked for, what plugins bring, and the model that will see it. */
interface Subject extends Pick<RunSetting, 'config' | 'model'> {
  readonly plugins: readonly Pick<PluginSetup, 'contributions'>[];
}

export const datasetStage: Stage<Subject, Dataset, StageContext> = {
  name: 'dataset',
  async run({ config, model, plugins }, { emit }) {
    const { instanceDataDir, resolution, captions, prompts } = config;
    const dataset = await loadDataset({ ...pictureOptions(config), source: instanceDataDir, captions });
    for (const warning of dataset.warnings) emit({ type: 'warning', ...warning });
    const { items } = dataset;
    const newWords = newWordsOf(plugins);
    for (const warning of captionWarnings(items, { prompts, newWords, tokenizer: model.tokenizer }))
      emit({ type: 'warning', ...warning });
    emit({
      type: 'dataset-loaded',
      pictures: items.map(({ path }) => path),
      resolution,
      captions: items.filter(({ caption }) => caption !== undefined).length,
      masks: items.filter(({ hasMask }) => hasMask).length,
    });
    return dataset;
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
