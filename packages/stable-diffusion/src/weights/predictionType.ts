// What the network of a single file predicts. A diffusers folder says it in its scheduler's config; a single file may
// say it in its header, by a key, in a .yaml beside it, or not at all.

import { basename, dirname, join } from 'node:path';
import { ConfigError, type TensorEntry, type Warning } from '@likeness/engine';
import { readTextIfPresent } from '../modelJson.ts';
import { PREDICTION_TYPES, type PredictionType } from '../schedule/index.ts';
import type { TextLayout } from './ldmKeyMap.ts';

/** Keys by which A1111's webui and its forks, and ComfyUI for SDXL, know v-prediction and a schedule that ends in pure noise. */
export const MARKER_KEYS = { v: 'v_pred', zeroSnr: 'ztsnr' } as const;

export interface Prediction {
  readonly type: PredictionType;
  /** The betas are rescaled to a terminal signal-to-noise ratio of zero. */
  readonly zeroSnr: boolean;
  readonly told: boolean;
}

interface SingleFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly layout: TextLayout;
}

/**
 * The header's word first (Stability's modelspec, kohya's sd-scripts), then marker keys, then a .yaml beside the file, as
 * the original release and A1111 have it; else what most models of the family predict: noise in SD 1.x, v in 2.x.
 */
export async function findPrediction({ path, tensors, metadata, layout }: SingleFile): Promise<Prediction> {
  const zeroSnr = tensors.has(MARKER_KEYS.zeroSnr);
  const stated = ofMetadata(metadata);
  const type =
    stated ?? (tensors.has(MARKER_KEYS.v) ? 'v_prediction' : undefined) ?? (await ofYamlBeside(path));
  return {
    type: type ?? (layout === 'openClip' ? 'v_prediction' : 'epsilon'),
    zeroSnr,
    told: type !== undefined,
  };
}

/** Said when nobody has told: training towards the wrong target teaches nothing and looks like a bad learning rate. */
export function guessed(path: string, { type }: Prediction): Warning {
  return {
    code: 'model/guessed-prediction-type',
    text: `${basename(path)} does not say what its network predicts; it is taken for ${type}, as most models of its kind are. If pictures come out as noise, say --prediction-type ${type === 'epsilon' ? 'v_prediction' : 'epsilon'}.`,
  };
}

/** @throws ConfigError for a name that is none */
export function checkPredictionType(name: string): PredictionType {
  const type = PREDICTION_TYPES.find((known) => known === name);
  if (type !== undefined) return type;
  throw new ConfigError('no such prediction type', {
    code: 'model/unknown-prediction-type',
    expected: PREDICTION_TYPES.join(', '),
    got: name,
  });
}

const NAMES: ReadonlyMap<string, PredictionType> = new Map([
  ['epsilon', 'epsilon'],
  ['eps', 'epsilon'],
  ['v', 'v_prediction'],
  ['v_prediction', 'v_prediction'],
  ['v-prediction', 'v_prediction'],
  ['sample', 'sample'],
  ['x0', 'sample'],
]);

/** How modelspec calls it. */
export const modelspecName = (type: PredictionType): string => (type === 'v_prediction' ? 'v' : type);

function ofMetadata(metadata: Readonly<Record<string, string>>): PredictionType | undefined {
  const stated = NAMES.get(metadata['modelspec.prediction_type']?.trim().toLowerCase() ?? '');
  if (stated !== undefined) return stated;
  const kohya = metadata['ss_v_parameterization']?.toLowerCase();
  return kohya === 'true' ? 'v_prediction' : kohya === 'false' ? 'epsilon' : undefined;
}

async function ofYamlBeside(path: string): Promise<PredictionType | undefined> {
  const stem = basename(path).replace(/\.safetensors$/i, '');
  for (const ending of ['yaml', 'yml']) {
    const text = await readTextIfPresent(join(dirname(path), `${stem}.${ending}`));
    if (text === undefined) continue;
    const stated = /^[ \t]*parameterization[ \t]*:[ \t]*["']?(\w+)["']?[ \t]*(?:#.*)?\r?$/m.exec(text)?.[1];
    if (stated !== undefined) return NAMES.get(stated);
    // LatentDiffusion's own default
    if (/^[ \t]*target[ \t]*:.*LatentDiffusion/m.test(text)) return 'epsilon';
  }
  return undefined;
}
