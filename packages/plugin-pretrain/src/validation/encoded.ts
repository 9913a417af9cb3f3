// Features of a store's pictures, from an encoder as it lies in its folder.
import {
  defineFunction,
  int32,
  startMachine,
  type ImageEncoder,
  type Machine,
  type PlannedFunction,
  type Tensor,
  type TypedData,
} from '@likeness/core';
import type { PictureStore } from '../data/pictureStore.ts';
import { packPixels, toEncoder, unpackPixels } from '../objectives/views.ts';

/** Pictures of a call. */
const TOGETHER = 64;

export interface Encoded {
  /** Of each picture asked for, one after the other. */
  readonly rows: Float32Array;
  readonly width: number;
}

export interface EncodingMachine {
  /** @param numbers pictures of the source */
  pictures(source: Pick<PictureStore, 'read'>, numbers: readonly number[]): Promise<Encoded>;
  /** Of texts, where the encoder has a text tower. */
  texts(texts: readonly string[]): Promise<Encoded>;
  close(): Promise<void>;
}

/** @param output what of a picture is asked for: its feature, or the scores of labels */
export async function startEncoding(
  encoder: ImageEncoder,
  { threads, output = 'feature' }: { readonly threads: number; readonly output?: 'feature' | 'scores' },
): Promise<EncodingMachine> {
  const { resolution, text, labels } = encoder;
  const packed = int32(TOGETHER, resolution, resolution);
  const functions: Record<string, PlannedFunction> = {
    pictures: {
      expectedRuns: 1,
      definition: defineFunction({ packed }, (fed) => {
        const pixels = toEncoder(unpackPixels(fed.packed));
        return { rows: output === 'scores' && labels ? labels.classify(pixels) : encoder.encode(pixels) };
      }),
    },
  };
  if (text) {
    functions['texts'] = {
      expectedRuns: 1,
      definition: defineFunction({ ids: int32(TOGETHER, text.maxLength) }, ({ ids }) => ({
        rows: text.encode(ids as Tensor),
      })),
    };
  }
  const machine: Machine = await startMachine(
    { model: encoder, threads, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
    functions,
  );
  /** In calls of fixed size; the last one is filled up with its first row. */
  const encode = async <Item>(
    name: string,
    items: readonly Item[],
    feed: (items: readonly Item[]) => Promise<Record<string, TypedData>>,
  ): Promise<Encoded> => {
    const parts: Float32Array[] = [];
    let width = 0;
    for (let at = 0; at < items.length; at += TOGETHER) {
      const own = items.slice(at, at + TOGETHER);
      const [first] = own;
      if (first === undefined) break;
      const filled = Array.from({ length: TOGETHER }, (_, row) => own[row] ?? first);
      const { rows } = await machine.program.run(name, await feed(filled));
      width = (rows?.length ?? 0) / TOGETHER;
      parts.push((rows as Float32Array).subarray(0, own.length * width));
    }
    const rows = new Float32Array(items.length * width);
    let at = 0;
    for (const part of parts) {
      rows.set(part, at);
      at += part.length;
    }
    return { rows, width };
  };
  return {
    pictures: (source, numbers) =>
      encode('pictures', numbers, async (own) => ({ packed: packPixels(await source.read(own)) })),
    texts: (texts) =>
      encode('texts', texts, async (own) => {
        const ids = own.flatMap((one) => [...(text?.tokenizer.encodePadded(one) ?? [])]);
        return { ids: Int32Array.from(ids) };
      }),
    close: () => machine.close(),
  };
}

/** Rows of length 1. */
export function unitRows({ rows, width }: Encoded): Encoded {
  const unit = rows.slice();
  for (let at = 0; at < unit.length; at += width) {
    const length = Math.hypot(...unit.subarray(at, at + width)) || 1;
    for (let d = 0; d < width; d++) unit[at + d] = (unit[at + d] ?? 0) / length;
  }
  return { rows: unit, width };
}

/** Product of a row of each. */
export function dot(a: Encoded, row: number, b: Encoded, other: number): number {
  let sum = 0;
  for (let d = 0; d < a.width; d++)
    sum += (a.rows[row * a.width + d] ?? 0) * (b.rows[other * b.width + d] ?? 0);
  return sum;
}
