// `--resume latest` without a folder: the newest run that is this one, by content.
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import { pluginPlaces, settingsWithEffect } from '../config/configHash.ts';
import type { DiffusionModel } from '../contracts.ts';
import { LikenessError } from '../errors.ts';
import type { PluginSetup } from '../plugins/setUpPlugins.ts';
import { datasetStage } from '../stages/dataset.ts';
import { requireIdentity } from '../training/checkpoint.ts';
import { runContents, savedIdentity } from '../training/identity.ts';
import { openCheckpoints } from './checkpoints.ts';
import { readRunRecord } from './runFolder.ts';
import { differences } from './runSummary.ts';

export interface ResumeSearch {
  readonly config: ResolvedConfig;
  readonly plugins: readonly PluginSetup[];
  readonly model: DiffusionModel;
  /** Folders of runs, the likeliest first. */
  readonly candidates: readonly string[];
}

export interface ResumeFound {
  /** The run to go on with. */
  readonly folder?: string;
  /** Else the first candidate of the same recipe, and why it is not this run. */
  readonly nearest?: { readonly folder: string; readonly details: readonly string[] };
}

/** @throws DataError when the pictures of the run cannot be used */
export async function findRunToResume(search: ResumeSearch): Promise<ResumeFound> {
  const { config, plugins, model, candidates } = search;
  const same: string[] = [];
  for (const folder of candidates) {
    const record = await readRunRecord(folder).catch(() => undefined);
    if (record?.config.recipe === config.recipe) same.push(folder);
  }
  if (same.length === 0) return {};
  const dataset = await datasetStage.run({ config, model, plugins }, { emit: () => undefined });
  const identity = {
    config: settingsWithEffect(config, pluginPlaces(plugins)),
    model: model.fingerprint,
    ...(await runContents(config, plugins, dataset)),
  };
  let nearest: ResumeFound['nearest'];
  for (const folder of same) {
    const details = await differencesOf(folder, identity, search);
    if (details.length === 0) return { folder };
    nearest ??= { folder, details };
  }
  return nearest === undefined ? {} : { nearest };
}

/** Why a run is not the one that is wanted; empty when it is. */
async function differencesOf(
  folder: string,
  identity: Readonly<Record<string, unknown>>,
  { config, plugins }: ResumeSearch,
): Promise<readonly string[]> {
  const last = (await openCheckpoints(folder).list()).at(-1);
  // A run without a checkpoint starts again from nothing: its settings decide whether it is this one.
  if (last === undefined) {
    const { config: recorded, facts } = await readRunRecord(folder);
    const saved = { step: 0, identity: { config: recorded, model: facts['model'] } };
    const { config: then, model } = savedIdentity(saved, config, plugins).identity;
    return differences({ config: then, model }, { config: identity['config'], model: identity['model'] }).map(
      ({ key, a, b }) => `${key}: ${JSON.stringify(a)} then, ${JSON.stringify(b)} now`,
    );
  }
  try {
    await requireIdentity(last.folder, identity, (state) => savedIdentity(state, config, plugins));
    return [];
  } catch (error) {
    if (!(error instanceof LikenessError)) throw error;
    return error.details.length > 0 ? error.details : [error.summary];
  }
}
