export {
  BYTES_PER_ELEMENT,
  elementCount,
  isFloatDtype,
  isSafetensorsDtype,
  tensorByteLength,
} from './dtype.ts';
export type { FloatDtype, SafetensorsDtype } from './dtype.ts';
export { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts';
export { MAX_HEADER_BYTES, readSafetensorsHeader } from './header.ts';
export type { SafetensorsFile, TensorEntry } from './header.ts';
export { hwioToOihw, oihwToHwio } from './layout.ts';
export { readNumbers } from './numbers.ts';
export { readTensor, readTensorRaw } from './read.ts';
export { encodeSafetensorsHeader, writeSafetensors } from './write.ts';
export type { TensorSource } from './write.ts';
