// How captions reach the noise predictor: as states that were computed once, or as ids of a text encoder that learns.
import {
  float32,
  int32,
  type DiffusionModel,
  type RecordFile,
  type Tensor,
  type TensorSpec,
} from '@likeness/core';
import { encodedCaptions, readFloats, type EncodeOptions } from '../data/encoded.ts';
import type { Feeds } from '../objective.ts';

export interface TextInput {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /** What `inputs` were fed → text states `[B, T, D]`. Traced. */
  statesOf(fed: Readonly<Record<string, Tensor>>): Tensor;
  /** Before the first step: computes what does not change, or finds it in the cache. */
  encode(options: EncodeOptions): Promise<void>;
  /** @param texts rows of the table of captions */
  feedsOf(texts: readonly number[]): Promise<Feeds>;
  close(): void;
}

/** States of every caption, computed once: the text encoder stays as it is. */
export function encodedText(
  { textEncoder }: DiffusionModel,
  captions: readonly string[],
  batchSize: number,
): TextInput {
  let states: RecordFile | undefined;
  return {
    inputs: { hiddenStates: float32(batchSize, textEncoder.maxLength, textEncoder.hiddenSize) },
    statesOf: ({ hiddenStates }) => hiddenStates as Tensor,
    async encode(options) {
      states = await encodedCaptions(captions, options);
    },
    async feedsOf(texts) {
      if (!states) throw new Error('captions are encoded before they are read');
      return { hiddenStates: await readFloats(states, texts) };
    },
    close: () => {
      void states?.close();
    },
  };
}

/** Ids of captions: the text encoder is part of every step, and learns from it. */
export function trainedText(
  { textEncoder, tokenizer }: DiffusionModel,
  captions: readonly string[],
  batchSize: number,
): TextInput {
  const { maxLength } = textEncoder;
  const ids = Int32Array.from(captions.flatMap((text) => [...tokenizer.encodePadded(text)]));
  return {
    inputs: { inputIds: int32(batchSize, maxLength) },
    statesOf: ({ inputIds }) => textEncoder.encode(inputIds as Tensor),
    encode: () => Promise.resolve(),
    async feedsOf(texts) {
      const rows = texts.flatMap((text) => [...ids.subarray(text * maxLength, (text + 1) * maxLength)]);
      return { inputIds: Int32Array.from(rows) };
    },
    close: () => undefined,
  };
}
