// First values of a new word: rows of the model's own token table, or random ones of the same length.
import { ConfigError, createRng, readTensor, type DiffusionModel, type TensorEntry } from '@likeness/core';
import type { Initializer } from './options.ts';
import { tokenTable } from './tokenTable.ts';

/** Rows looked at to learn how long vectors of the vocabulary are. */
const SAMPLED_ROWS = 1024;

/**
 * First values `[vectors, width]`, flat.
 * @throws ConfigError when the text has not as many tokens as is needed
 */
export async function initialVectors(
  model: DiffusionModel,
  initializer: Initializer,
  vectors: number,
  seed: number,
): Promise<Float32Array> {
  const { entry, rows, width } = tokenTable(model);
  if (initializer.kind === 'random') {
    const count = Math.min(rows, SAMPLED_ROWS);
    const sample = await readRows(entry, Math.floor((rows - count) / 2), count, width);
    const deviation = Math.sqrt(sample.reduce((sum, value) => sum + value * value, 0) / sample.length);
    const draws = createRng(seed)
      .stream('textual-inversion', 0, 0)
      .normal(vectors * width);
    return draws.map((value) => value * deviation);
  }
  const ids = startIds(model.tokenizer.encode(initializer.text), initializer, vectors);
  const result = new Float32Array(vectors * width);
  for (const [i, id] of ids.entries()) result.set(await readRows(entry, id, 1, width), i * width);
  return result;
}

/**
 * The token each vector starts as. Fewer tokens than vectors: each serves several in a row (A1111's rule). More: the
 * last ones of a class noun, where its head stands ("alarm clock"); a text is refused, since part of it would be lost.
 */
function startIds(
  ids: readonly number[],
  { kind, text }: Initializer & { text: string },
  vectors: number,
): number[] {
  if (ids.length === 0 || (kind === 'token' && ids.length > 1)) {
    throw new ConfigError('the initializer is not one token', {
      code: 'embedding/initializer',
      where: 'initializerToken',
      expected: 'a word the vocabulary has whole',
      got: `"${text}" (${ids.length} tokens)`,
      hint: `another word, or initializerText (--initializer-text "${text}")`,
    });
  }
  if (kind === 'text' && ids.length > vectors) {
    throw new ConfigError('the initializer has more tokens than the new word has vectors', {
      code: 'embedding/initializer',
      where: 'initializerText',
      expected: `at most ${vectors} tokens`,
      got: `"${text}" (${ids.length} tokens)`,
      hint: `numVectors ${ids.length} (--num-vectors ${ids.length}), or a shorter text`,
    });
  }
  const used = ids.slice(-vectors);
  return Array.from({ length: vectors }, (_, i) => used[Math.floor((i * used.length) / vectors)] ?? 0);
}

/** Rows of a stored table, read by range: the table of a large model is not needed whole. */
function readRows(entry: TensorEntry, first: number, count: number, width: number): Promise<Float32Array> {
  const bytesPerRow = entry.byteLength / (entry.shape[0] ?? 1);
  return readTensor({
    ...entry,
    shape: [count, width],
    offset: entry.offset + first * bytesPerRow,
    byteLength: count * bytesPerRow,
  });
}
