// What a run takes from the cache, by names that are equal where the things are: for telling what a matrix shares.
import type { DiffusionModel, PluginSetup, ResolvedConfig } from '@likeness/core';

export function usesOf(
  config: ResolvedConfig,
  plugins: readonly PluginSetup[],
  model: Pick<DiffusionModel, 'fingerprint'>,
): Readonly<Record<string, readonly string[]>> {
  const prior = plugins.find(({ contributions }) => contributions.prior !== undefined)?.contributions.prior;
  const { mode, threads, mixedPrecision, resolution, centerCrop, randomFlip, seed } = config;
  const machine = [model.fingerprint, mode, threads, mixedPrecision];
  const name = (...parts: readonly unknown[]): string => JSON.stringify([...machine, ...parts]);
  const generated = prior === undefined || prior.target === 'frozen' ? undefined : prior;
  return {
    ...(generated === undefined
      ? {}
      : {
          'sets of class pictures': [
            name(
              generated.classPrompt,
              generated.numClassImages,
              generated.sampler ?? config.sampler,
              generated.numInferenceSteps ?? config.numInferenceSteps,
              generated.guidanceScale ?? config.guidanceScale,
              seed,
              resolution,
            ),
          ],
        }),
    'encoded subjects': [
      name(config.instanceDataDir, resolution, centerCrop, randomFlip, randomFlip ? seed : 0),
    ],
    'encoded prompts': [config.prompts.instancePrompt, config.prompts.classPrompt ?? ''].map((text) =>
      name(text),
    ),
  };
}
