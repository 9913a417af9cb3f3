// Learned vectors into a file other tools read: under the word itself (diffusers; A1111 and ComfyUI read it, too), or
// under `emb_params`, where the file's name is the word (kohya, ai-toolkit, OneTrainer).
import { ConfigError, writeSafetensors } from '@likeness/core';
import type { LearnedEmbedding } from './readEmbedding.ts';
import { isKeyOfFormat, WORD_KEY } from './words.ts';

export const EMBEDDING_FORMATS = ['diffusers', 'kohya'] as const;
export type EmbeddingFormat = (typeof EMBEDDING_FORMATS)[number];
const DTYPES = { fp32: 'F32', fp16: 'F16', bf16: 'BF16' } as const;

export interface WriteEmbeddingOptions {
  readonly format: EmbeddingFormat;
  /** Default: as it is. */
  readonly dtype?: keyof typeof DTYPES;
}

/** @throws ConfigError for a word that would be taken for a format's key */
export async function writeEmbedding(
  path: string,
  { word, values, shape, dtype, metadata }: LearnedEmbedding,
  { format, dtype: wanted }: WriteEmbeddingOptions,
): Promise<void> {
  if (isKeyOfFormat(word)) {
    throw new ConfigError(`${word} is the name of a format, not a word`, {
      code: 'embedding/word-is-a-format',
      where: path,
      hint: 'name the word: --token "<my-cat>"',
    });
  }
  const { [WORD_KEY]: _, ...kept } = metadata;
  await writeSafetensors(
    path,
    [
      {
        name: format === 'diffusers' ? word : 'emb_params',
        dtype: wanted === undefined ? dtype : DTYPES[wanted],
        shape,
        data: () => values,
      },
    ],
    // The word stands in the header, for the file may be renamed.
    format === 'diffusers' ? kept : { ...kept, [WORD_KEY]: word },
  );
}
