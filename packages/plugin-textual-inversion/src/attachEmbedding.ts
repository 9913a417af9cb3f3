// Learned vectors over a model: prompts may use the word from then on, until it is detached.
import { join } from 'node:path';
import { WeightsError, type Attached, type DiffusionModel } from '@likeness/core';
import { attachPlaceholder } from './placeholderRows.ts';
import { readEmbedding, type LearnedEmbedding, type ReadEmbeddingOptions } from './readEmbedding.ts';
import { tokenTable } from './tokenTable.ts';
import { checkSize, checkWord } from './words.ts';

/** diffusers' name for what it writes (textual_inversion.py). */
export const EMBEDDING_FILE = 'learned_embeds.safetensors';

export interface AttachedEmbedding extends Attached {
  readonly word: string;
  readonly vectors: number;
}

/**
 * Reads a file of learned vectors and teaches the model its word.
 * @throws WeightsError when the file is no such file or does not fit the model
 * @throws ConfigError when the word is a token already
 */
export async function attachEmbedding(
  model: DiffusionModel,
  path: string,
  options: ReadEmbeddingOptions = {},
): Promise<AttachedEmbedding> {
  return attachVectors(model, await readEmbedding(path, options), path);
}

/**
 * Teaches a model a word whose vectors were read before: those that came in a file of adapters, say.
 * @param where they come from, for messages
 * @throws WeightsError when they do not fit the model
 * @throws ConfigError when the word is a token already
 */
export function attachVectors(
  model: DiffusionModel,
  { word, vectors, width, values }: Pick<LearnedEmbedding, 'word' | 'vectors' | 'width' | 'values'>,
  where: string,
): AttachedEmbedding {
  checkSize(vectors, width, where);
  checkWord(word, where);
  const table = tokenTable(model);
  if (width !== table.width) {
    throw new WeightsError('the vectors are of another width than the model’s', {
      code: 'embedding/does-not-fit',
      where,
      expected: `[${vectors}, ${table.width}], for ${model.source}`,
      got: `[${vectors}, ${width}] (768: Stable Diffusion 1.x, 1024: 2.x)`,
      hint: 'use the model it was trained on, or one made from that',
    });
  }
  const { variableName, detach } = attachPlaceholder(model, word, vectors);
  return { word, vectors, initialValues: new Map([[variableName, values]]), detach };
}

/** Attaches the word that a run exported into a folder. */
export const attachExported = (model: DiffusionModel, folder: string): Promise<AttachedEmbedding> =>
  attachEmbedding(model, join(folder, EMBEDDING_FILE));
