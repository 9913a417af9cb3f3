// Numbers of a file of adapters, in whatever type a tool wrote them.
import { readNumbers, WeightsError, type TensorEntry } from '@likeness/core';
import { shown } from './shown.ts';

export type FloatDtype = 'F32' | 'F16' | 'BF16';

export interface StoredNumbers {
  readonly values: Float32Array;
  /** What they are written as where types are kept: their own, or the nearest of the three. */
  readonly dtype: FloatDtype;
}

/** @throws WeightsError when they are of a type that is not read, or some are no numbers */
export async function readStored(entry: TensorEntry): Promise<StoredNumbers> {
  const values = await readNumbers(entry);
  if (!values.every(Number.isFinite)) {
    throw new WeightsError('numbers that are none (NaN or infinite)', {
      code: 'adapter/not-finite',
      where: entry.file,
      got: shown(entry.name),
      hint: 'training diverged, or the file is damaged: use an earlier checkpoint, or get it again',
    });
  }
  return { values, dtype: writtenAs(entry) };
}

/** Half precision holds every eight-bit float. */
function writtenAs({ dtype }: TensorEntry): FloatDtype {
  if (dtype === 'F16' || dtype === 'BF16') return dtype;
  return dtype === 'F8_E4M3' || dtype === 'F8_E5M2' ? 'F16' : 'F32';
}
