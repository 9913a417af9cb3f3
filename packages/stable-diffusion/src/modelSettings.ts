// `likeness.json` of a model folder: settings that suit this model better than anybody's defaults.
import { join } from 'node:path';
import type { RecommendedSettings } from '@likeness/core';
import { z } from 'zod';
import { parseConfig } from './config.ts';
import { modelJsonText, readModelJsonIfPresent } from './modelJson.ts';

/** Name of the file, beside model_index.json. Other tools do not read it. */
export const SETTINGS_FILE = 'likeness.json';

const settings = z.strictObject({
  recommended: z
    .strictObject({
      sampler: z.string().optional(),
      numInferenceSteps: z.int().positive().optional(),
      guidanceScale: z.number().nonnegative().optional(),
      /** By plugin name, or several joined by +; checked against the plugin's own schema when a run is set up. */
      training: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
    })
    .default({}),
});

/**
 * Settings a model folder recommends; none when it has no such file.
 * @throws WeightsError when the file is there and makes no sense
 */
export async function readRecommendedSettings(folder: string | undefined): Promise<RecommendedSettings> {
  if (folder === undefined) return {};
  const path = join(folder, SETTINGS_FILE);
  const json = await readModelJsonIfPresent(path);
  if (json === undefined) return {};
  return parsed(json, path);
}

/** The same from elsewhere: the header of a single file. @param value content of `recommended` */
export function parseRecommendedSettings(value: unknown, where: string): RecommendedSettings {
  return parsed({ recommended: value }, where);
}

/** Zod's optional fields may hold `undefined`; JSON cannot, so the stricter type is true. */
const parsed = (json: unknown, where: string): RecommendedSettings =>
  parseConfig(settings, json, where).recommended as RecommendedSettings;

/** The file's text for an exported model. */
export function settingsText(recommended: RecommendedSettings): string {
  return modelJsonText({ recommended });
}
