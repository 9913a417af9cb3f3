// What rounding took: the difference between a weight's bits and the bits that arithmetic gives back. Nearly all of it is
// zero or one unit in the last place, so its bytes are sorted by significance and deflated.
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '@likeness/core';
import type { FloatDtype } from '../files/storedNumbers.ts';

/** Bits of weights as whole numbers. */
export type Bits = Uint32Array | Uint16Array;

/** Rounded to nearest; through float32 for half precision, as files are written. */
export function roundedBits(values: Float64Array, dtype: FloatDtype): Bits {
  const single = Float32Array.from(values);
  if (dtype === 'F32') return new Uint32Array(single.buffer);
  return dtype === 'F16' ? float32ToFloat16(single) : float32ToBfloat16(single);
}

/** Bytes of a file, whose memory is aligned, as bits of its type. */
export const bitsOfBytes = ({ buffer }: Uint8Array, dtype: FloatDtype): Bits =>
  dtype === 'F32' ? new Uint32Array(buffer as ArrayBuffer) : new Uint16Array(buffer as ArrayBuffer);

/** The numbers that bits stand for. */
export function valuesOf(bits: Bits, dtype: FloatDtype): Float32Array {
  if (bits instanceof Uint32Array) return new Float32Array(bits.buffer, bits.byteOffset, bits.length);
  return dtype === 'F16' ? float16ToFloat32(bits) : bfloat16ToFloat32(bits);
}

/** @returns what `corrected` needs beside the guess to give `wanted` */
export async function residualOf(wanted: Bits, guess: Bits): Promise<Buffer> {
  const width = wanted.BYTES_PER_ELEMENT;
  const planes = new Uint8Array(wanted.length * width);
  const shift = 32 - 8 * width;
  for (let i = 0; i < wanted.length; i++) {
    // Signed, in the width of the type; zigzag, so that small differences of either sign are small numbers.
    const difference = (((wanted[i] as number) - (guess[i] as number)) << shift) >> shift;
    const code = (difference << 1) ^ (difference >> 31);
    for (let plane = 0; plane < width; plane++) planes[plane * wanted.length + i] = code >>> (8 * plane);
  }
  return promisify(deflate)(planes, { level: 4 });
}

/** @returns undefined when the residual is damaged, or one of other weights */
export async function corrected(guess: Bits, residual: Uint8Array): Promise<Bits | undefined> {
  const width = guess.BYTES_PER_ELEMENT;
  // A damaged one may unpack to anything: no further than it is of use.
  const maxOutputLength = guess.length * width + 1;
  const planes = await promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate)(residual, {
    maxOutputLength,
  }).catch(() => undefined);
  if (planes?.length !== guess.length * width) return undefined;
  const result = guess.slice();
  for (let i = 0; i < guess.length; i++) {
    let code = 0;
    for (let plane = 0; plane < width; plane++)
      code |= (planes[plane * guess.length + i] as number) << (8 * plane);
    const difference = (code >>> 1) ^ -(code & 1);
    result[i] = (guess[i] as number) + difference; // modulo the width of the type
  }
  return result;
}
