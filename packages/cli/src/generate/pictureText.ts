// What made a picture, written into it: for other tools (`parameters`) and for ourselves (`likeness`).
import { basename } from 'node:path';
import {
  formatParameters,
  type DiffusionModel,
  type PngText,
  type RgbImage,
  type SamplerSettings,
} from '@likeness/core';
import { nameOf, type Attachments } from './attachments.ts';

export interface Made extends SamplerSettings {
  readonly prompt: string;
  readonly seed: number;
  /** Times which adapters counted. */
  readonly strength: number;
  readonly image: RgbImage;
}

export function pictureText(
  model: DiffusionModel,
  { exported, loras, embeddings }: Attachments,
  { image: { width, height }, numInferenceSteps, strength, ...made }: Made,
): PngText {
  const name = basename(model.source);
  const adapters = loras.map(({ path, weight }) => ({ name: nameOf(path), weight: weight * strength }));
  const words = embeddings.map(({ path, word }) => ({ name: nameOf(path), ...(word ? { word } : {}) }));
  return {
    parameters: formatParameters({
      ...made,
      steps: numInferenceSteps,
      width,
      height,
      model: name,
      loras: adapters,
    }),
    likeness: JSON.stringify({
      ...made,
      numInferenceSteps,
      width,
      height,
      model: name,
      fingerprint: model.fingerprint,
      ...(exported?.plugins.some(({ attachExport }) => attachExport) ? { strength } : {}),
      ...(adapters.length > 0 ? { loras: adapters } : {}),
      ...(words.length > 0 ? { embeddings: words } : {}),
    }),
  };
}
