// Stage 1: the pictures of the subject, checked before anything long starts.
import { basename } from 'node:path';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import type { Stage, StageContext } from '../contracts.ts';
import type { Warning } from '../errors.ts';
import { loadDataset, type Dataset, type DatasetItem, type DatasetOptions } from '../data/dataset.ts';
import { cutOff, cutOffWarning } from '../prompts/cutOff.ts';
import type { RunSetting } from './run.ts';

/** What is asked for, and the model that will see it. */
type Subject = Pick<RunSetting, 'config' | 'model'>;

export const datasetStage: Stage<Subject, Dataset, StageContext> = {
  name: 'dataset',
  async run(setting, { emit }) {
    const { config } = setting;
    const { instanceDataDir, resolution, captions } = config;
    const dataset = await loadDataset({ ...pictureOptions(config), source: instanceDataDir });
    for (const warning of dataset.warnings) emit({ type: 'warning', ...warning });
    const items = captions ? dataset.items : dataset.items.map(({ caption: _caption, ...item }) => item);
    for (const warning of captionWarnings(items, setting)) emit({ type: 'warning', ...warning });
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

/** Captions that the text encoder does not read to their end. */
function captionWarnings(
  items: readonly Omit<DatasetItem, 'hasMask'>[],
  { config: { identifier, prompts }, model: { tokenizer } }: Subject,
): Warning[] {
  const word = prompts.identifier;
  return items.flatMap(({ path, caption }) => {
    if (caption === undefined) return [];
    // A plugin's new word has no tokens yet; any other stands in for it.
    const known = word === undefined || word === identifier ? caption : caption.replaceAll(word, 'x');
    const found = cutOff(tokenizer, known);
    return found === undefined ? [] : [cutOffWarning(`caption of ${basename(path)}`, caption, found)];
  });
}

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
