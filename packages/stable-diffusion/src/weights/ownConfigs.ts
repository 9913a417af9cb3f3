// Configs in the header of a single file of ours: what shapes cannot tell - heads, norm groups, the noise schedule - goes
// with the file, wherever it is opened. Other tools skip the entry.

import type { RecommendedSettings } from '@likeness/core';
import { parseModelJson, modelJsonText, type JsonObject } from '../modelJson.ts';
import { parseSchedulerConfig } from '../schedule/index.ts';
import type { LdmModelConfigs } from './ldmConfig.ts';
import type { ModelFiles } from './modelFiles.ts';
import { MARKER_KEYS, modelspecName } from './predictionType.ts';

/** Name of the header's entry. */
const ENTRY = 'likeness_model';
const PARTS = ['unet', 'vae', 'text_encoder', 'scheduler'] as const;

/** What of a single file says how its weights are used. */
export interface SingleFileNotes {
  readonly metadata: Readonly<Record<string, string>>;
  /** Names of empty tensors that other tools look for. */
  readonly markers: readonly string[];
}

/** @param recommended settings that suit the model, which a folder has in likeness.json */
export function singleFileNotes(
  { components, scheduler }: Pick<ModelFiles, 'components' | 'scheduler'>,
  recommended: RecommendedSettings,
): SingleFileNotes {
  const { unet, vae, textEncoder } = components;
  const configs = { unet: unet.config, vae: vae.config, text_encoder: textEncoder.config, scheduler };
  const { prediction_type: type = 'epsilon', rescale_betas_zero_snr: zeroSnr } =
    parseSchedulerConfig(scheduler);
  return {
    metadata: {
      'modelspec.prediction_type': modelspecName(type),
      [ENTRY]: modelJsonText({
        ...Object.fromEntries(PARTS.map((part) => [part, withoutPlace(configs[part])])),
        ...(Object.keys(recommended).length > 0 ? { recommended } : {}),
      }),
    },
    markers: [
      ...(type === 'v_prediction' ? [MARKER_KEYS.v] : []),
      ...(zeroSnr === true ? [MARKER_KEYS.zeroSnr] : []),
    ],
  };
}

/** Configs from the header of a file that `singleFileNotes` went into. @throws DataError when the entry is damaged */
export function ownConfigs(
  metadata: Readonly<Record<string, string>>,
  path: string,
): (LdmModelConfigs & { readonly recommended: unknown }) | undefined {
  const text = metadata[ENTRY];
  if (text === undefined) return undefined;
  const {
    unet,
    vae,
    text_encoder: textEncoder,
    scheduler,
    recommended,
  } = parseModelJson(text, `${path}: ${ENTRY}`);
  return { unet, vae, textEncoder, scheduler, recommended };
}

/** Without where the maker's files lay. */
function withoutPlace(config: unknown): JsonObject {
  return Object.fromEntries(
    Object.entries(config as JsonObject).filter(([key]) => key !== '_name_or_path' && key !== '_commit_hash'),
  );
}
