// `--from`: the settings of a run from what it made - its folder, its config.json, or an exported file.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConfigError,
  parseRecipe,
  readRunRecord,
  readSafetensorsHeader,
  recordedLayer,
  type ConfigLayer,
} from '@likeness/core';

/** Metadata key under which exports keep the config they were made with. */
const METADATA_KEY = 'likeness';
/** Where the weights lie that training changes, in an exported folder: a file in it, or in one of these. */
const FOLDERS_OF_WEIGHTS = ['', 'unet', 'text_encoder'] as const;

/**
 * The settings as a layer below the config file and flags.
 * @throws DataError or ConfigError when the path holds no settings
 */
export async function layerFromRun(path: string): Promise<ConfigLayer> {
  return recordedLayer(path, await readSettings(path));
}

/** Options of plugins that another recipe does not have are left out. */
export function restrictToRecipe(layer: ConfigLayer, recipe: string): ConfigLayer {
  const options = layer.values['pluginOptions'];
  if (typeof options !== 'object' || options === null) return layer;
  const names = parseRecipe(recipe);
  const kept = Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)));
  return { ...layer, values: { ...layer.values, recipe, pluginOptions: kept } };
}

async function readSettings(path: string): Promise<Readonly<Record<string, unknown>>> {
  if (path.endsWith('.safetensors')) return settingsOfWeights(path);
  const stats = await stat(path).catch(() => undefined);
  const weights = stats?.isDirectory() ? await weightsIn(path) : undefined;
  if (weights !== undefined) return settingsOfWeights(weights);
  return { ...(await readRunRecord(path)).config };
}

/** Whether a folder was exported by us: its weights say with which settings. */
export async function holdsSettings(folder: string): Promise<boolean> {
  const weights = await weightsIn(folder);
  if (weights === undefined) return false;
  return METADATA_KEY in (await readSafetensorsHeader(weights)).metadata;
}

/** The first file with weights of an exported folder. */
async function weightsIn(folder: string): Promise<string | undefined> {
  for (const place of FOLDERS_OF_WEIGHTS) {
    const names = await readdir(join(folder, place)).catch((): string[] => []);
    const file = names.sort().find((name) => name.endsWith('.safetensors'));
    if (file !== undefined) return join(folder, place, file);
  }
  return undefined;
}

async function settingsOfWeights(path: string): Promise<Readonly<Record<string, unknown>>> {
  const { metadata } = await readSafetensorsHeader(path);
  const text = metadata[METADATA_KEY];
  if (text === undefined) {
    throw new ConfigError('it does not say how it was made', {
      code: 'run/no-settings',
      where: path,
      expected: `a file exported by Likeness, with "${METADATA_KEY}" in its metadata`,
      got: `metadata ${Object.keys(metadata).join(', ') || 'without any entry'}`,
    });
  }
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}
