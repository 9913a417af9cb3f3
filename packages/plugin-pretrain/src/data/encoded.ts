// What does not change while the noise predictor trains, computed once and kept in the cache by what it was made from:
// means and deviations of latents, hidden states of captions. Packed, read by range.
import { join } from 'node:path';
import {
  openRecordFile,
  writeRecordFile,
  type Cache,
  type DiffusionModel,
  type Program,
  type RecordFile,
} from '@likeness/core';
import { toUnitRange } from './draw.ts';
import type { PictureStore } from './pictureStore.ts';

export interface EncodeOptions {
  readonly cache: Cache;
  readonly model: DiffusionModel;
  readonly program: Program;
  /** What besides inputs and weights can change bits. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Rows of a call. */
  readonly together: number;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Latents of all pictures: records of `[mean, std]`, each `[h, w, C]` float32, before scaling. */
export async function encodedPictures(
  pictures: PictureStore,
  size: number,
  options: EncodeOptions,
): Promise<RecordFile> {
  const { cache, model, program, identity } = options;
  const parts = {
    codec: await model.componentFingerprint(model.latentCodec.name),
    pictures: pictures.picturesHash,
    resolution: pictures.resolution,
    identity,
  };
  const numbers = pictures.pictures.map((_, number) => number);
  const recordBytes = 2 * size * 4;
  const folder = await cache.getOrCreate('packed-latents', parts, (target) =>
    writeAll(join(target, 'records'), recordBytes, numbers, options, async (rows) => {
      const pixels = toUnitRange(await pictures.read(rows));
      const { mean, std } = await program.run('encodePictures', { pixels });
      const record = new Float32Array(rows.length * 2 * size);
      for (let row = 0; row < rows.length; row++) {
        record.set((mean as Float32Array).subarray(row * size, (row + 1) * size), row * 2 * size);
        record.set((std as Float32Array).subarray(row * size, (row + 1) * size), (row * 2 + 1) * size);
      }
      return record;
    }),
  );
  return openRecordFile(join(folder, 'records'), recordBytes);
}

/** Hidden states of captions, in their order: records of `[T, D]` float32. */
export async function encodedCaptions(
  captions: readonly string[],
  options: EncodeOptions,
): Promise<RecordFile> {
  const { cache, model, program, identity } = options;
  const { maxLength, hiddenSize, name } = model.textEncoder;
  const parts = { textEncoder: await model.componentFingerprint(name), captions, identity };
  const recordBytes = maxLength * hiddenSize * 4;
  const folder = await cache.getOrCreate('packed-text-states', parts, (target) =>
    writeAll(join(target, 'records'), recordBytes, captions, options, async (texts) => {
      const inputIds = Int32Array.from(texts.flatMap((text) => [...model.tokenizer.encodePadded(text)]));
      return (await program.run('encodeCaptions', { inputIds }))['hiddenStates'] as Float32Array;
    }),
  );
  return openRecordFile(join(folder, 'records'), recordBytes);
}

/** Rows in batches of fixed size; the last one is filled up with its first row, so that equal rows have equal bits. */
async function writeAll<Row>(
  path: string,
  recordBytes: number,
  rows: readonly Row[],
  { together, onProgress, signal }: EncodeOptions,
  encode: (rows: Row[]) => Promise<Float32Array>,
): Promise<void> {
  const records = async function* (): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < rows.length; i += together) {
      const own = rows.slice(i, i + together);
      const [first] = own;
      if (first === undefined) return;
      const encoded = await encode(Array.from({ length: together }, (_, row) => own[row] ?? first));
      signal.throwIfAborted();
      yield new Uint8Array(encoded.buffer, encoded.byteOffset, own.length * recordBytes);
      onProgress(i + own.length, rows.length);
    }
  };
  await writeRecordFile(path, recordBytes, records());
}

/** Records as float32. */
export async function readFloats(
  file: RecordFile,
  indices: readonly number[],
): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array((await file.read(indices)).buffer);
}
