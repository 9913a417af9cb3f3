// From layers of settings to the config of one network's training.
import { dirname, resolve } from 'node:path';
import {
  ConfigError,
  loadConfigFile,
  mergeLayers,
  physicalCores,
  problemsOf,
  problemsOfMerged,
  type ConfigLayer,
} from '@likeness/core';
import type { z } from 'zod';
import { pretrainSchema, type TrainingConfig } from './schema.ts';

/** The networks of a text-to-image model in the order they are trained: each stands on those before it. */
export const NETWORKS = ['vae', 'text-encoder', 'unet'] as const;
export type ModelNetwork = (typeof NETWORKS)[number];
/** Networks that look at pictures and draw none: each stands alone. */
export const ENCODERS = ['image-encoder', 'image-text', 'classifier'] as const;
export type EncoderName = (typeof ENCODERS)[number];
export type NetworkName = ModelNetwork | EncoderName;

/** Key of a network's settings in a config. */
export const SETTINGS_OF = {
  vae: 'vae',
  'text-encoder': 'textEncoder',
  unet: 'unet',
  'image-encoder': 'imageEncoder',
  'image-text': 'imageText',
  classifier: 'classifier',
} as const satisfies Record<NetworkName, keyof z.output<typeof pretrainSchema>>;

export interface PretrainConfig extends z.output<typeof pretrainSchema> {
  readonly threads: number;
}

/** A config file as a layer; folders in it are relative to the file. */
export async function loadPretrainConfig(path: string): Promise<ConfigLayer> {
  const { name, values } = await loadConfigFile(path);
  const besideFile = (value: unknown): unknown =>
    typeof value === 'string' && value.startsWith('.') ? resolve(dirname(path), value) : value;
  const { data, model } = values;
  const modelFields =
    typeof model === 'object' && model !== null ? (model as Record<string, unknown>) : undefined;
  return {
    name,
    values: {
      ...values,
      ...(data === undefined ? {} : { data: Array.isArray(data) ? data.map(besideFile) : besideFile(data) }),
      ...(model === undefined
        ? {}
        : {
            model: modelFields
              ? { ...modelFields, ...withBeside(modelFields, ['from', 'tokenizer'], besideFile) }
              : besideFile(model),
          }),
    },
  };
}

function withBeside(
  fields: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  besideFile: (value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    keys.filter((key) => fields[key] !== undefined).map((key) => [key, besideFile(fields[key])]),
  );
}

/**
 * Puts layers together, weakest first; settings of a network are taken one by one.
 * @throws ConfigError with every problem of every layer
 */
export function resolvePretrainConfig(layers: readonly ConfigLayer[]): PretrainConfig {
  const problems = layers.flatMap((layer) => problemsOf(pretrainSchema, layer));
  const merged = mergeLayers(layers);
  for (const key of Object.values(SETTINGS_OF)) {
    const own = layers.map(({ name, values }) => ({
      name,
      values: (values[key] ?? {}) as Record<string, unknown>,
    }));
    merged[key] = mergeLayers(own);
  }
  const parsed = pretrainSchema.safeParse(merged, { reportInput: true });
  if (!parsed.success && problems.length === 0) {
    const layerOf = (key: string): string =>
      layers.findLast(({ values }) => key in values)?.name ?? 'settings';
    problems.push(...problemsOfMerged(parsed.error, pretrainSchema, layerOf));
  }
  if (!parsed.success || problems.length > 0) {
    throw new ConfigError('pretraining cannot be set up like this', {
      code: 'config/invalid',
      where: layers.map(({ name }) => name).join(', '),
      details: problems,
      hint: 'docs/pretraining.md lists the settings',
    });
  }
  return { ...parsed.data, threads: parsed.data.threads ?? physicalCores() };
}

/**
 * The settings of one network, with an end.
 * @throws ConfigError when neither steps nor minutes end its training
 */
export function trainingOf<Name extends NetworkName>(
  config: PretrainConfig,
  network: Name,
): PretrainConfig[(typeof SETTINGS_OF)[Name]] {
  const settings: TrainingConfig = config[SETTINGS_OF[network]];
  if (settings.maxTrainSteps === undefined && settings.maxMinutes === undefined) {
    throw new ConfigError('nothing says when training ends', {
      code: 'pretrain/no-end',
      where: SETTINGS_OF[network],
      expected: 'maxTrainSteps, maxMinutes or both',
      got: 'neither',
      hint: `--max-minutes 30, or ${SETTINGS_OF[network]}: { maxMinutes: 30 } in the file`,
    });
  }
  return settings as PretrainConfig[(typeof SETTINGS_OF)[Name]];
}
