// What can change the trained weights, as content: a checkpoint made under anything else is not continued.
import { basename } from 'node:path';
import { cacheKey } from '@likeness/core';
import { SETTINGS_OF, type NetworkName, type PretrainConfig } from './config.ts';

/** Settings that count for every network. Where things lie and how often somebody looks changes no weight. */
const SHARED = ['seed', 'heldOutShare', 'heldOutBy', 'mode', 'threads', 'mixedPrecision'] as const;

export function settingsWithEffect(
  config: PretrainConfig,
  network: NetworkName,
): Readonly<Record<string, unknown>> {
  const shared = SHARED.map((key) => [key, config[key]] as const);
  return { network, ...Object.fromEntries(shared), [network]: config[SETTINGS_OF[network]] };
}

export const settingsHash = (config: PretrainConfig, network: NetworkName): string =>
  cacheKey(settingsWithEffect(config, network));

/** Of one machine, or of how a run was watched. */
const NOT_PORTABLE: readonly string[] = [
  'data',
  'model',
  'outputDir',
  'cacheDir',
  'resume',
  'threads',
  'checkpointMinutes',
  'checkpointsTotalLimit',
  'measureMinutes',
  'sampleMinutes',
] satisfies (keyof PretrainConfig)[];

/** Settings as they go into exported files: without folders of one machine, and without the other networks' training. */
export function portableSettings(config: PretrainConfig, network: NetworkName): Record<string, unknown> {
  const networks: readonly string[] = Object.values(SETTINGS_OF);
  const { data, model } = config;
  const shared = Object.fromEntries(
    Object.entries(config).filter(([key]) => !NOT_PORTABLE.includes(key) && !networks.includes(key)),
  );
  const folders = (typeof data === 'string' ? [data] : data).map((folder) => basename(folder));
  const from = typeof model === 'string' ? model : model?.from;
  return {
    pretrained: network,
    data: folders,
    ...(from === undefined ? {} : { model: basename(from) }),
    ...shared,
    [network]: config[SETTINGS_OF[network]],
  };
}
