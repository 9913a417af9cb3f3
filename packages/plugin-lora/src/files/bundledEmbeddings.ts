// Vectors of learned words in a file of adapters, as OneTrainer bundles them: `bundle_emb.<word>.clip_l`, one file for
// what belongs together. A1111 reads them too; diffusers 0.42 refuses a file that has them.
//
// Reference: OneTrainer, modules/modelSaver/stableDiffusion/StableDiffusionLoRASaver.py; A1111,
// extensions-builtin/Lora/networks.py (`bundle_emb`).
import { type TensorEntry } from '@likeness/core';
import type { WrittenTensor } from './dialects.ts';
import { readStored, type FloatDtype } from './storedNumbers.ts';

export interface BundledEmbedding {
  /** As it stands in prompts. */
  readonly word: string;
  readonly vectors: number;
  readonly width: number;
  /** `[vectors, width]`, flat. */
  readonly values: Float32Array;
  /** The type it had where it came from. */
  readonly dtype?: FloatDtype;
}

/** The word is whatever stands before what A1111's three kinds of embeddings call their one tensor. */
const KEY = /^bundle_emb\.(.+?)\.(?:clip_l|emb_params|string_to_param\.\*)$/;

export const bundled = (embeddings: readonly BundledEmbedding[]): WrittenTensor[] =>
  embeddings.map(({ word, vectors, width, values, dtype }) => ({
    key: `bundle_emb.${word}.clip_l`,
    shape: [vectors, width],
    values,
    ...(dtype ? { dtype } : {}),
  }));

/** Whether a key is one of a word for a model with one text encoder. */
export const isBundled = ({ name, shape }: TensorEntry): boolean => KEY.test(name) && shape.length <= 2;

export async function readBundled(entry: TensorEntry): Promise<BundledEmbedding> {
  const [vectors = 1, width = 1] = entry.shape.length === 1 ? [1, ...entry.shape] : entry.shape;
  const word = KEY.exec(entry.name)?.[1] ?? entry.name;
  return { word, vectors, width, ...(await readStored(entry)) };
}
