// Reads the values of single tensors, by range: a 4 GB file never has to be in memory.

import { open } from 'node:fs/promises';
import { WeightsError } from '../errors.ts';
import { isFloatDtype } from './dtype.ts';
import { bfloat16ToFloat32, float16ToFloat32 } from './half.ts';
import type { TensorEntry } from './header.ts';

/** Node refuses single reads of 2 GiB and more. */
const MAX_READ_BYTES = 1 << 30;

/**
 * The bytes of one tensor as they stand in the file (little-endian, row-major).
 * The buffer has memory of its own, aligned for every typed array.
 * @throws WeightsError when the file ends earlier than its header said
 */
export async function readTensorRaw(entry: TensorEntry): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(entry.byteLength));
  const file = await open(entry.file, 'r');
  try {
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await file.read(
        bytes,
        done,
        Math.min(bytes.length - done, MAX_READ_BYTES),
        entry.offset + done,
      );
      if (bytesRead === 0) {
        throw new WeightsError(`the file ends inside ${entry.name}`, {
          code: 'model/damaged-file',
          where: entry.file,
          expected: `${entry.byteLength} bytes from ${entry.offset}`,
          got: `${done} bytes`,
          hint: 'The file changed after it was opened: restore it and start again.',
        });
      }
      done += bytesRead;
    }
  } finally {
    await file.close();
  }
  return bytes;
}

/**
 * One tensor as float32, whatever of F32, F16, BF16 it is stored in; exact.
 * @throws WeightsError for any other dtype
 */
export async function readTensor(entry: TensorEntry): Promise<Float32Array> {
  if (!isFloatDtype(entry.dtype)) {
    throw new WeightsError(`${entry.name} does not hold floating-point weights`, {
      code: 'model/number-type',
      where: entry.file,
      expected: 'F32, F16 or BF16',
      got: entry.dtype,
      hint: 'Use a version of this model in float32, float16 or bfloat16.',
    });
  }
  const { buffer } = await readTensorRaw(entry);
  if (entry.dtype === 'F32') return new Float32Array(buffer);
  const bits = new Uint16Array(buffer);
  return entry.dtype === 'F16' ? float16ToFloat32(bits) : bfloat16ToFloat32(bits);
}
