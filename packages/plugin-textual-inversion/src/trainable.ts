// A new word as something that trains: its vectors, and nothing else (Gal et al. 2022, section 3.2).
import { exportTensors, type DiffusionModel, type ParameterGroup, type Trainable } from '@likeness/core';
import { EMBEDDING_FILE } from './attachEmbedding.ts';
import { initialVectors } from './initialVectors.ts';
import type { Initializer } from './options.ts';
import { attachPlaceholder } from './placeholderRows.ts';
import { tokenTable } from './tokenTable.ts';

export interface NewWord {
  readonly word: string;
  readonly vectors: number;
  readonly initializer: Initializer;
  readonly seed: number;
  /** Instead of the run's. */
  readonly rates: Pick<ParameterGroup, 'learningRate' | 'weightDecay'>;
}

export async function trainNewWord(
  model: DiffusionModel,
  { word, vectors, initializer, seed, rates }: NewWord,
): Promise<Trainable> {
  const first = await initialVectors(model, initializer, vectors, seed);
  const { width } = tokenTable(model);
  const { variable, variableName, detach } = attachPlaceholder(model, word, vectors);
  return {
    groups: [{ name: 'textual_inversion', variables: [variable], ...rates }],
    touches: ['text_encoder'],
    words: [{ word, variable: variableName, vectors, width }],
    initialValues: new Map([[variableName, first]]),
    // One key, the word itself, `[vectors, width]`: what diffusers, A1111 and ComfyUI read.
    export: (target) => exportTensors(target, EMBEDDING_FILE, [{ key: word, variable: variableName }]),
    loadInDiffusers: (exported) => [`pipe.load_textual_inversion("${exported}/${EMBEDDING_FILE}")`],
    detach,
  };
}
