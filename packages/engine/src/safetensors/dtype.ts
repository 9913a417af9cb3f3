// The element types a safetensors file may hold and their sizes.

/** Bytes per element by safetensors dtype name (safetensors/src/tensor.rs, `Dtype`; types below one byte are left out). */
export const BYTES_PER_ELEMENT = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  C64: 8,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

export type SafetensorsDtype = keyof typeof BYTES_PER_ELEMENT;

/** The dtypes whose values {@link readTensor} gives as float32 without loss. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

export function isSafetensorsDtype(name: unknown): name is SafetensorsDtype {
  return typeof name === 'string' && Object.hasOwn(BYTES_PER_ELEMENT, name);
}

export function isFloatDtype(dtype: SafetensorsDtype): dtype is FloatDtype {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** Number of elements of a shape; 1 for a scalar (`[]`). */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes a tensor of this dtype and shape takes in a file. */
export function tensorByteLength(dtype: SafetensorsDtype, shape: readonly number[]): number {
  return elementCount(shape) * BYTES_PER_ELEMENT[dtype];
}
