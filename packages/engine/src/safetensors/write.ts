// Writes safetensors files a tensor at a time, whole or not at all.

import { randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { WeightsError } from '../errors.ts';
import { asFileError } from '../fileErrors.ts';
import { renameDurably } from '../files/durable.ts';
import { tensorByteLength, type SafetensorsDtype } from './dtype.ts';
import { float32ToBfloat16, float32ToFloat16 } from './half.ts';

export interface TensorSource {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /**
   * Called once, when this tensor's turn has come. A Float32Array is rounded to `dtype` when that is F16 or BF16;
   * anything else is taken as the tensor's bytes.
   */
  data(): ArrayBufferView | Promise<ArrayBufferView>;
}

/**
 * Writes a safetensors file. Equal input gives equal bytes: tensors and metadata keep their order, the header is padded
 * with spaces to a multiple of 8 as the reference does. The file appears under its name only when it is complete and
 * flushed to disk; one tensor's data is in memory at a time.
 * @throws WeightsError when a name comes twice or a tensor's data do not have the promised size; FileError when the
 * file system refuses
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorSource> | AsyncIterable<TensorSource>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sources: TensorSource[] = [];
  for await (const source of tensors) sources.push(source);
  const header = encodeSafetensorsHeader(sources, metadata, path);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await writeAll(file, header);
      for (const source of sources) await writeAll(file, toBytes(source, await source.data(), path));
      await file.sync();
    } finally {
      await file.close();
    }
    await renameDurably(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw asFileError(error, path);
  }
}

/** The first bytes of a file with these tensors: length, JSON, padding. */
export function encodeSafetensorsHeader(
  tensors: readonly Omit<TensorSource, 'data'>[],
  metadata: Readonly<Record<string, string>>,
  path: string,
): Buffer {
  // entries instead of an object: a tensor may be called __proto__, and numeric names must not jump the order
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  const names = new Set<string>(['__metadata__']);
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name))
      throw new WeightsError(`the tensor ${name} would be written twice`, {
        code: 'model/cannot-write',
        where: path,
      });
    names.add(name);
    const end = offset + tensorByteLength(dtype, shape);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = Buffer.from(`{${fields.join(',')}}`, 'utf8');
  const paddedLength = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + paddedLength, ' ');
  header.writeBigUInt64LE(BigInt(paddedLength));
  json.copy(header, 8);
  return header;
}

function toBytes(source: TensorSource, data: ArrayBufferView, path: string): Uint8Array {
  let view = data;
  if (data instanceof Float32Array && source.dtype === 'F16') view = float32ToFloat16(data);
  if (data instanceof Float32Array && source.dtype === 'BF16') view = float32ToBfloat16(data);
  const expected = tensorByteLength(source.dtype, source.shape);
  if (view.byteLength !== expected) {
    throw new WeightsError(`the data of ${source.name} do not fit its shape`, {
      code: 'model/cannot-write',
      where: path,
      expected: `${expected} bytes for ${source.dtype} [${source.shape.join(', ')}]`,
      got: `${view.byteLength} bytes`,
    });
  }
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 1 << 30));
    done += bytesWritten;
  }
}
