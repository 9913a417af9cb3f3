// Reads the small .safetensors files of reference numbers whole.
import {
  readSafetensorsHeader,
  readTensor,
  readTensorRaw,
  WeightsError,
  type TensorEntry,
} from '@likeness/engine';

export interface FixtureTensor {
  dtype: string;
  shape: readonly number[];
  /** Values in file order; int64 as float64, since reference integers stay below 2^53. */
  data: Float32Array | Float64Array | Int32Array;
}

/** All tensors of a file by name. Knows floating-point numbers, I32 and I64; anything else is a `WeightsError`. */
export async function readFixture(path: string): Promise<Map<string, FixtureTensor>> {
  const { tensors } = await readSafetensorsHeader(path);
  const read = new Map<string, FixtureTensor>();
  for (const entry of tensors.values()) {
    const { name, dtype, shape } = entry;
    read.set(name, { dtype, shape, data: await readValues(entry) });
  }
  return read;
}

async function readValues(entry: TensorEntry): Promise<FixtureTensor['data']> {
  if (entry.dtype === 'F64') return new Float64Array((await readTensorRaw(entry)).buffer);
  if (entry.dtype === 'I32') return new Int32Array((await readTensorRaw(entry)).buffer);
  if (entry.dtype === 'I64') {
    return Float64Array.from(new BigInt64Array((await readTensorRaw(entry)).buffer), Number);
  }
  return readTensor(entry);
}

/** The tensor called `name`; a `WeightsError` that names the file when it is missing. */
export function fixtureTensor(
  tensors: Map<string, FixtureTensor>,
  name: string,
  path: string,
): FixtureTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined)
    throw new WeightsError(`tensor "${name}" is missing`, { code: 'model/missing-tensor', where: path });
  return tensor;
}
