// Identity of a run's settings: equal hashes, equal bits (on one machine).
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { stableJson } from '../cache/stableJson.ts';
import type { Plugin } from '../plugins/definePlugin.ts';
import { fieldsOf, innerSchema } from './layers.ts';
import type { ResolvedConfig } from './resolveConfig.ts';

/** Where a rule about the samples may end the training, they have an effect. */
const WITH_EARLY_STOP: readonly string[] = ['samples', 'samplePrompts', 'sampleEverySteps', 'numSamples'];

/** Where things lie, how often somebody looks and how results are written changes no weight. */
const WITHOUT_EFFECT = [
  'outputDir',
  'cacheDir',
  'resume',
  'checkpointingSteps',
  'checkpointsTotalLimit',
  'samples',
  'samplePrompts',
  'sampleEverySteps',
  'numSamples',
  'watch',
  'maxDrift',
  'exportDtype',
  'exportFormat',
] as const satisfies readonly (keyof ResolvedConfig)[];

/** Where something lies: what lies there has an effect, and is part of an identity as content (`runContents`). */
const PLACES = [
  'subject',
  'instanceDataDir',
  'pretrainedModel',
  'plugins',
  'watchJudge',
] as const satisfies readonly (keyof ResolvedConfig)[];

/** Options of plugins that name a file or folder, by plugin: `{ ppl: ['classDataDir'] }`. */
export type PluginPlaces = Readonly<Record<string, readonly string[]>>;

/** Options whose schema says `.meta({ isPlace: true })`. */
export function pluginPlaces(
  plugins: readonly { readonly plugin: Pick<Plugin, 'name' | 'optionsSchema'> }[],
): PluginPlaces {
  const isPlace = (schema: z.core.$ZodType): boolean => z.globalRegistry.get(schema)?.['isPlace'] === true;
  return Object.fromEntries(
    plugins.map(({ plugin: { name, optionsSchema } }) => [
      name,
      fieldsOf(optionsSchema)
        .filter(([, field]) => isPlace(field) || isPlace(innerSchema(field)))
        .map(([key]) => key),
    ]),
  );
}

/**
 * The settings that can change the trained weights, without what is written in them only to say where something lies.
 * @param places options of plugins that do
 */
export function settingsWithEffect(
  config: Readonly<Record<string, unknown>> | ResolvedConfig,
  places: PluginPlaces = {},
): Readonly<Record<string, unknown>> {
  const left: readonly string[] = [...WITHOUT_EFFECT, ...PLACES];
  const all = config as Readonly<Record<string, unknown>>;
  const kept = Object.entries(all).filter(
    ([key]) => !left.includes(key) || (all['earlyStop'] !== undefined && WITH_EARLY_STOP.includes(key)),
  );
  return Object.fromEntries(
    kept.map(([key, value]) => [key, key === 'pluginOptions' ? withoutPlaces(value, places) : value]),
  );
}

function withoutPlaces(pluginOptions: unknown, places: PluginPlaces): unknown {
  if (typeof pluginOptions !== 'object' || pluginOptions === null) return pluginOptions;
  return Object.fromEntries(
    Object.entries(pluginOptions as Record<string, Record<string, unknown>>).map(([name, options]) => [
      name,
      Object.fromEntries(Object.entries(options).filter(([key]) => !(places[name] ?? []).includes(key))),
    ]),
  );
}

/**
 * sha256 in hex over everything that can change the trained weights.
 * @param facts what is not in the config and can change them too: the model's fingerprint, pictures' hashes, the
 * compile mode that `auto` became, TensorFlow's version
 */
export function configHash(
  config: ResolvedConfig,
  facts: Readonly<Record<string, unknown>> = {},
  places: PluginPlaces = {},
): string {
  return createHash('sha256')
    .update(stableJson({ config: settingsWithEffect(config, places), facts }))
    .digest('hex');
}
