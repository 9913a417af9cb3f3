// What a run takes from the cache, by names that are equal where the things are: for telling what a matrix shares.
import type { CellRequest } from '@likeness/ablation';
import type { DiffusionModel, PluginSetup, ResolvedConfig } from '@likeness/core';

/** Sets of class pictures: the kind that takes long. */
export const CLASS_PICTURES = 'sets of class pictures';
export const BASE_EVALUATIONS = 'evaluations of the base model';

export interface CellUses {
  readonly config: ResolvedConfig;
  readonly plugins: readonly PluginSetup[];
  readonly model: Pick<DiffusionModel, 'fingerprint'>;
  readonly request: CellRequest;
}

export function usesOf({
  config,
  plugins,
  model,
  request,
}: CellUses): Readonly<Record<string, readonly string[]>> {
  const { mode, threads, mixedPrecision, resolution, seed, prompts } = config;
  const name = (...parts: readonly unknown[]): string =>
    JSON.stringify([model.fingerprint, mode, threads, mixedPrecision, resolution, ...parts]);
  const prior = plugins.find(({ contributions }) => contributions.prior !== undefined)?.contributions.prior;
  const generated = prior === undefined || prior.target === 'frozen' ? undefined : prior;
  const sampling = [
    generated?.sampler ?? config.sampler,
    generated?.numInferenceSteps ?? config.numInferenceSteps,
    generated?.guidanceScale ?? config.guidanceScale,
  ];
  const { reference } = request;
  const pictures = Array.isArray(config.instanceDataDir) ? config.instanceDataDir.length : reference.length;
  return {
    ...(generated === undefined
      ? {}
      : { [CLASS_PICTURES]: [name(generated.classPrompt, generated.numClassImages, sampling, seed)] }),
    'encoded pictures': reference.slice(0, pictures).map((picture) => name(picture)),
    'encoded prompts': [prompts.instancePrompt, prompts.classPrompt ?? []].flat().map((text) => name(text)),
    [BASE_EVALUATIONS]: [name(request.evaluation)],
  };
}
