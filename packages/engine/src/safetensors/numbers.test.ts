// Every number type of a safetensors file, as torch reads it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeightsError } from '../errors.ts';
import type { SafetensorsDtype } from './dtype.ts';
import { readSafetensorsHeader } from './header.ts';
import { readNumbers } from './numbers.ts';
import { writeSafetensors } from './write.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-numbers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function readAs(dtype: SafetensorsDtype, data: ArrayBufferView, shape: number[]): Promise<number[]> {
  const path = join(folder, 'one.safetensors');
  await writeSafetensors(path, [{ name: 'x', dtype, shape, data: () => data }]);
  const entry = (await readSafetensorsHeader(path)).tensors.get('x');
  return entry === undefined ? [] : [...(await readNumbers(entry))];
}

describe('numbers', () => {
  test.each<[SafetensorsDtype, ArrayBufferView]>([
    ['F64', Float64Array.of(4, -2)],
    ['F32', Float32Array.of(4, -2)],
    ['F16', Uint16Array.of(0x4400, 0xc000)],
    ['BF16', Uint16Array.of(0x4080, 0xc000)],
    ['F8_E4M3', Uint8Array.of(0x48, 0xc0)],
    ['F8_E5M2', Uint8Array.of(0x44, 0xc0)],
    ['I64', BigInt64Array.of(4n, -2n)],
    ['I32', Int32Array.of(4, -2)],
    ['I16', Int16Array.of(4, -2)],
    ['I8', Int8Array.of(4, -2)],
  ])('in %s', async (dtype, data) => {
    expect(await readAs(dtype, data, [2])).toEqual([4, -2]);
  });

  test.each<[SafetensorsDtype, ArrayBufferView]>([
    ['U64', BigUint64Array.of(200n)],
    ['U32', Uint32Array.of(200)],
    ['U16', Uint16Array.of(200)],
    ['U8', Uint8Array.of(200)],
  ])('without a sign, in %s, as a scalar', async (dtype, data) => {
    expect(await readAs(dtype, data, [])).toEqual([200]);
  });

  test('eight-bit floats at their edges, as torch.float8_e4m3fn and torch.float8_e5m2 have them', async () => {
    expect(
      await readAs(
        'F8_E4M3',
        Uint8Array.of(0x00, 0x80, 0x01, 0x07, 0x08, 0x38, 0x7e, 0xfe, 0x7f, 0xff),
        [10],
      ),
    ).toEqual([0, -0, 2 ** -9, 7 * 2 ** -9, 2 ** -6, 1, 448, -448, NaN, NaN]);
    expect(
      await readAs('F8_E5M2', Uint8Array.of(0x00, 0x01, 0x03, 0x04, 0x3c, 0x7b, 0x7c, 0xfc, 0x7d), [9]),
    ).toEqual([0, 2 ** -16, 3 * 2 ** -16, 2 ** -14, 1, 57344, Infinity, -Infinity, NaN]);
  });

  test('doubles are rounded to the nearest', async () => {
    expect(await readAs('F64', Float64Array.of(0.1, 1e300), [2])).toEqual([Math.fround(0.1), Infinity]);
  });

  test.each<[SafetensorsDtype, number]>([
    ['BOOL', 1],
    ['F8_E8M0', 1],
    ['F8_E4M3FNUZ', 1],
    ['C64', 8],
  ])('%s is refused by name', async (dtype, bytes) => {
    const refused = readAs(dtype, new Uint8Array(bytes), []);
    await expect(refused).rejects.toThrow(WeightsError);
    await expect(refused).rejects.toMatchObject({ code: 'model/number-type', got: dtype });
  });
});
