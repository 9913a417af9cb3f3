// float32 <-> float16 and bfloat16, on whole arrays. Widening is exact; narrowing rounds to nearest, ties to even.

let float16Table: Uint32Array | undefined;

/** Bit pattern of the float32 equal to each of the 65,536 halfs: 256 kB, and one read per element instead of a dozen steps. */
function float16Bits(): Uint32Array {
  if (float16Table !== undefined) return float16Table;
  const table = new Uint32Array(0x10000);
  for (let half = 0; half < 0x10000; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const mantissa = half & 0x3ff;
    if (exponent === 0x1f) {
      table[half] = sign | 0x7f800000 | (mantissa << 13);
    } else if (exponent !== 0) {
      table[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else if (mantissa === 0) {
      table[half] = sign;
    } else {
      // subnormal half = normal float32: shift the leading one out of the mantissa
      const shift = Math.clz32(mantissa) - 21;
      table[half] = sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
    }
  }
  float16Table = table;
  return table;
}

/** Bits of IEEE halfs to float32 values, exactly (NaN payloads kept). */
export function float16ToFloat32(halfs: Uint16Array): Float32Array {
  const table = float16Bits();
  const values = new Float32Array(halfs.length);
  const bits = new Uint32Array(values.buffer);
  // the table has an entry for every 16-bit number
  for (let i = 0; i < halfs.length; i++) bits[i] = table[halfs[i] as number] as number;
  return values;
}

/** float32 values to the bits of IEEE halfs: nearest even, 65520 and above to infinity, subnormals kept, NaN stays NaN. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const halfs = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const bit = bits[i] as number;
    const sign = (bit >>> 16) & 0x8000;
    const magnitude = bit & 0x7fffffff;
    if (magnitude >= 0x47800000) {
      halfs[i] = sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
    } else if (magnitude < 0x38800000) {
      // below 2^-14 the spacing is 2^-24; counting in it is exact in a double, which leaves one rounding
      halfs[i] = sign | roundHalfEven(Math.abs(values[i] as number) * 0x1000000);
    } else {
      const roundedUp = magnitude + 0xfff + ((magnitude >>> 13) & 1);
      halfs[i] = sign | ((roundedUp - 0x38000000) >>> 13);
    }
  }
  return halfs;
}

/** Bits of bfloat16 (the upper half of a float32) to float32 values, exactly. */
export function bfloat16ToFloat32(brains: Uint16Array): Float32Array {
  const values = new Float32Array(brains.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < brains.length; i++) bits[i] = (brains[i] as number) << 16;
  return values;
}

/** float32 values to the bits of bfloat16: nearest even, NaN stays NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const brains = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const bit = bits[i] as number;
    const isNan = (bit & 0x7fffffff) > 0x7f800000;
    brains[i] = isNan ? (bit >>> 16) | 0x40 : (bit + 0x7fff + ((bit >>> 16) & 1)) >>> 16;
  }
  return brains;
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor + (floor & 1);
  return rest > 0.5 ? floor + 1 : floor;
}
