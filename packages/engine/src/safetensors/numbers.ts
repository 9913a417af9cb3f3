// Values of any number type as float32. Weights of a model come in F32, F16 and BF16 (`readTensor`); adapters and their
// alpha come in whatever type a tool had at hand: whole numbers, doubles, eight-bit floats.
import { WeightsError } from '../errors.ts';
import type { SafetensorsDtype } from './dtype.ts';
import { bfloat16ToFloat32, float16ToFloat32 } from './half.ts';
import type { TensorEntry } from './header.ts';
import { readTensorRaw } from './read.ts';

type Widen = (buffer: ArrayBuffer) => Float32Array;

const WIDEN: Partial<Record<SafetensorsDtype, Widen>> = {
  F32: (buffer) => new Float32Array(buffer),
  F16: (buffer) => float16ToFloat32(new Uint16Array(buffer)),
  BF16: (buffer) => bfloat16ToFloat32(new Uint16Array(buffer)),
  F64: (buffer) => Float32Array.from(new Float64Array(buffer)),
  F8_E4M3: (buffer) => Float32Array.from(new Uint8Array(buffer), (bits) => E4M3[bits] as number),
  // The upper half of an IEEE half.
  F8_E5M2: (buffer) => float16ToFloat32(Uint16Array.from(new Uint8Array(buffer), (bits) => bits << 8)),
  I8: (buffer) => Float32Array.from(new Int8Array(buffer)),
  U8: (buffer) => Float32Array.from(new Uint8Array(buffer)),
  I16: (buffer) => Float32Array.from(new Int16Array(buffer)),
  U16: (buffer) => Float32Array.from(new Uint16Array(buffer)),
  I32: (buffer) => Float32Array.from(new Int32Array(buffer)),
  U32: (buffer) => Float32Array.from(new Uint32Array(buffer)),
  I64: (buffer) => fromBigInts(new BigInt64Array(buffer)),
  U64: (buffer) => fromBigInts(new BigUint64Array(buffer)),
};

/** torch's float8_e4m3fn: bias 7, no infinities, NaN where all of exponent and mantissa are ones. */
const E4M3 = Float32Array.from({ length: 256 }, (_, bits) => {
  const [sign, exponent, mantissa] = [bits & 0x80 ? -1 : 1, (bits >>> 3) & 0xf, bits & 7];
  if (exponent === 0xf && mantissa === 7) return NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10));
});

const fromBigInts = (values: BigInt64Array | BigUint64Array): Float32Array => {
  const numbers = new Float32Array(values.length);
  for (const [i, value] of values.entries()) numbers[i] = Number(value);
  return numbers;
};

/**
 * One tensor as float32, whatever number type it is stored in; exact where float32 holds the numbers, else rounded to
 * the nearest.
 * @throws WeightsError for types that are no numbers (BOOL, C64), or are scales of others (F8_E8M0)
 */
export async function readNumbers(entry: TensorEntry): Promise<Float32Array> {
  const widen = WIDEN[entry.dtype];
  if (widen === undefined) {
    throw new WeightsError(`${entry.name} is of a type that is not read`, {
      code: 'model/number-type',
      where: entry.file,
      expected: Object.keys(WIDEN).join(', '),
      got: entry.dtype,
      hint: 'get the file in float16, bfloat16 or float32',
    });
  }
  return widen((await readTensorRaw(entry)).buffer as ArrayBuffer);
}
