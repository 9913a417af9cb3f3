import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeightsError } from '../errors.ts';
import { readSafetensorsHeader } from './header.ts';
import { readTensor, readTensorRaw } from './read.ts';
import { writeSafetensors } from './write.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file with any header, good or bad. */
async function fileWith(header: unknown, dataBytes: number): Promise<string> {
  const json = Buffer.isBuffer(header)
    ? header
    : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(folder, 'case.safetensors');
  await writeFile(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
  return path;
}

async function problemsOf(path: string): Promise<readonly string[]> {
  const error: unknown = await readSafetensorsHeader(path).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WeightsError);
  expect((error as WeightsError).message).toContain(path);
  return (error as WeightsError).details;
}

const f32 = (shape: number[], begin: number, end: number): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('reading the header', () => {
  test('tensors with absolute offsets, in the order of the header', async () => {
    const path = await fileWith(
      { __metadata__: { format: 'pt' }, b: f32([2], 4, 12), a: f32([], 0, 4), none: f32([0, 3], 12, 12) },
      12,
    );
    const file = await readSafetensorsHeader(path);
    expect(file.metadata).toEqual({ format: 'pt' });
    expect([...file.tensors.keys()]).toEqual(['b', 'a', 'none']);
    const dataStart = 8 + (await readFile(path)).readUInt32LE(0);
    expect(file.tensors.get('b')).toEqual({
      name: 'b',
      dtype: 'F32',
      shape: [2],
      file: path,
      offset: dataStart + 4,
      byteLength: 8,
    });
  });

  test('all bad entries in one error', async () => {
    const problems = await problemsOf(
      await fileWith(
        {
          __metadata__: { step: 3 },
          dtype: { dtype: 'Q4', shape: [1], data_offsets: [0, 4] },
          shape: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] },
          offsets: { dtype: 'F32', shape: [1], data_offsets: [8, 4] },
          size: f32([3], 0, 4),
          entry: 7,
        },
        4,
      ),
    );
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      '__metadata__.step',
      'dtype:',
      'shape:',
      'offsets:',
      'size:',
      'entry:',
    ]);
    expect(problems[4]).toBe('size: F32 [3] takes 12 bytes, data_offsets give 4');
  });

  test('names that stand twice, also when one of them is escaped', async () => {
    const entry = JSON.stringify(f32([1], 0, 4));
    const twice = '{"a \\\\":ENTRY,"a\\u0020\\\\":ENTRY}'.replaceAll('ENTRY', entry);
    expect(await problemsOf(await fileWith(twice, 4))).toEqual(['a \\ stands twice in the header']);
    expect(await problemsOf(await fileWith(`{"__metadata__":{},"__metadata__":{},"a":${entry}}`, 4))).toEqual(
      ['__metadata__ stands twice in the header'],
    );
    const field = '{"a":{"dtype":"F16","dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    expect(await problemsOf(await fileWith(field, 4))).toEqual(['a: dtype stands twice']);
  });

  test('the same word in two tensors, in metadata and in fields of others is no doubling', async () => {
    const text =
      '{"__metadata__":{"shape":"\\"a\\":[1.5]","shape":"2"},"shape":{"x":[1.5,{"x":-1}],"x":2,"dtype":"F32","shape":[1],' +
      '"data_offsets":[0,4]},"dtype":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}';
    const file = await readSafetensorsHeader(await fileWith(text, 8));
    expect([...file.tensors.keys()]).toEqual(['shape', 'dtype']);
    expect(file.metadata).toEqual({ shape: '2' });
  });

  test.each(['1.0', '1e0', '-0', '-1', '10000000000000000000000', '9007199254740993'])(
    'a shape of %s',
    async (size) => {
      const text = (shape: string, end: string): string =>
        `{"a":{"dtype":"F32","shape":[${shape}],"data_offsets":[0,${end}]}}`;
      expect((await problemsOf(await fileWith(text(size, '4'), 4)))[0]).toMatch(/^a: .*shape.*whole number/);
      expect((await problemsOf(await fileWith(text('1', size), 4)))[0]).toMatch(/^a: .*data_offsets/);
    },
  );

  test('a shape whose product no number holds, also when a later size is 0', async () => {
    const huge = 2 ** 40;
    for (const shape of [
      [huge, huge, 0],
      [huge, huge],
      [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1],
    ]) {
      expect((await problemsOf(await fileWith({ a: f32(shape, 0, 0) }, 0)))[0]).toMatch(/more than 2\^53/);
    }
    const file = await readSafetensorsHeader(await fileWith({ a: f32([0, huge, huge], 0, 0) }, 0));
    expect(file.tensors.get('a')?.byteLength).toBe(0);
  });

  test('text that is not UTF-8, or holds half of a character', async () => {
    const bytes = Buffer.from(JSON.stringify({ aX: f32([1], 0, 4) }));
    bytes[bytes.indexOf('X')] = 0xff;
    expect(await problemsOf(await fileWith(bytes, 4))).toEqual(['the header is not UTF-8']);
    expect(await problemsOf(await fileWith('\uFEFF{}', 0))).toEqual(['the header is not a JSON object']);
    const halves = String.raw`{"__metadata__":{"x":"\ud800"},"\udc00":${JSON.stringify(f32([1], 0, 4))}}`;
    const problems = await problemsOf(await fileWith(halves, 4));
    expect(problems.filter((problem) => problem.includes('half of a character'))).toHaveLength(2);
  });

  test('metadata of null are none', async () => {
    const file = await readSafetensorsHeader(await fileWith({ __metadata__: null, a: f32([1], 0, 4) }, 4));
    expect(file.metadata).toEqual({});
  });

  test('overlaps, gaps, spare bytes', async () => {
    expect(
      await problemsOf(await fileWith({ a: f32([2], 0, 8), b: f32([2], 4, 12), c: f32([1], 16, 20) }, 24)),
    ).toEqual([
      'b overlaps a by 4 bytes',
      '4 bytes between b and c belong to no tensor',
      '4 bytes after c belong to no tensor',
    ]);
  });

  test('a file cut short is called that, once', async () => {
    const [problem, ...others] = await problemsOf(
      await fileWith({ a: f32([1], 0, 4), b: f32([1], 4, 8), c: f32([1], 8, 12) }, 5),
    );
    expect(problem).toMatch(/cut short.*2 of 3 tensors reach past its end, the first is b/);
    expect(others).toEqual([]);
  });

  test('headers that are none', async () => {
    const path = join(folder, 'case.safetensors');
    await writeFile(path, 'short');
    expect(await problemsOf(path)).toEqual(['the file has 5 bytes; the length of the header alone takes 8']);
    await writeFile(path, '<!doctype html><html></html>');
    expect((await problemsOf(path))[0]).toMatch(/more than the 100000000 allowed/);
    await writeFile(path, Buffer.from([100, 0, 0, 0, 0, 0, 0, 0, 123]));
    expect((await problemsOf(path))[0]).toBe(
      'the header claims 100 bytes, the file has only 1 after the length',
    );
    expect(await problemsOf(await fileWith('[1]', 0))).toEqual(['the header is not a JSON object']);
    expect(await problemsOf(await fileWith('{"a":', 0))).toEqual(['the header is not a JSON object']);
    expect(await problemsOf(folder)).toEqual(['it is not a file']);
    await expect(readSafetensorsHeader(join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'file/missing',
    });
  });
});

describe('writing and reading back', () => {
  const values = Float32Array.of(0, -1.5, 1 / 3, 65504, 1e-7, Infinity);

  async function writeExample(path: string): Promise<void> {
    await writeSafetensors(
      path,
      [
        { name: 'z', dtype: 'F32', shape: [2, 3], data: () => values },
        { name: 'half', dtype: 'F16', shape: [6], data: () => Promise.resolve(values) },
        { name: 'brain', dtype: 'BF16', shape: [3, 2], data: () => values },
        { name: '7', dtype: 'I64', shape: [1], data: () => BigInt64Array.of(77n) },
        { name: '__proto__', dtype: 'U8', shape: [], data: () => Uint8Array.of(5) },
      ],
      { format: 'pt', über: 'ä' },
    );
  }

  test('values, order and metadata survive', async () => {
    const path = join(folder, 'example.safetensors');
    await writeExample(path);
    const { tensors, metadata } = await readSafetensorsHeader(path);
    expect(metadata).toEqual({ format: 'pt', über: 'ä' });
    // integer-like keys come first out of JSON.parse; the bytes keep their order all the same
    const byOffset = [...tensors.values()].sort((a, b) => a.offset - b.offset).map(({ name }) => name);
    expect(byOffset).toEqual(['z', 'half', 'brain', '7', '__proto__']);
    const read = async (name: string): Promise<number[]> => {
      const entry = tensors.get(name);
      return entry === undefined ? [] : [...(await readTensor(entry))];
    };
    expect(await read('z')).toEqual([...values]);
    expect(await read('half')).toEqual([0, -1.5, 0.333251953125, 65504, 1.1920928955078125e-7, Infinity]);
    expect(await read('brain')).toEqual([0, -1.5, 0.333984375, 65536, 1.0011717677116394e-7, Infinity]);
    await expect(read('7')).rejects.toThrow('7 does not hold floating-point weights');
    const proto = tensors.get('__proto__');
    expect(proto && [...(await readTensorRaw(proto))]).toEqual([5]);
  });

  test('equal input, equal bytes; the header ends on a multiple of 8', async () => {
    const [a, b] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')];
    await writeExample(a);
    await writeExample(b);
    const bytes = await readFile(a);
    expect(bytes.equals(await readFile(b))).toBe(true);
    expect(bytes.readUInt32LE(0) % 8).toBe(0);
  });

  test('without tensors or metadata', async () => {
    const path = join(folder, 'empty.safetensors');
    await writeSafetensors(path, []);
    expect((await readFile(path)).subarray(8).toString()).toBe('{}      ');
    expect((await readSafetensorsHeader(path)).tensors.size).toBe(0);
  });

  test('a failure on the way leaves nothing behind, and the old file as it was', async () => {
    const path = join(folder, 'kept.safetensors');
    await writeExample(path);
    const before = await readFile(path);
    const broken = (data: () => Float32Array): Promise<void> =>
      writeSafetensors(path, [
        { name: 'good', dtype: 'F32', shape: [6], data: () => values },
        { name: 'bad', dtype: 'F32', shape: [6], data },
      ]);
    await expect(broken(() => values.subarray(1))).rejects.toThrow(
      /bad do not fit its shape[^]*24 bytes[^]*20 bytes/,
    );
    await expect(
      broken(() => {
        throw new Error('disk gone');
      }),
    ).rejects.toThrow('disk gone');
    expect((await readFile(path)).equals(before)).toBe(true);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('a name that comes twice is refused', async () => {
    const one = { name: 'a', dtype: 'U8', shape: [1], data: () => Uint8Array.of(1) } as const;
    await expect(writeSafetensors(join(folder, 'twice.safetensors'), [one, one])).rejects.toThrow(
      'written twice',
    );
  });

  test('a file that shrank after it was opened', async () => {
    const path = join(folder, 'shrunk.safetensors');
    await writeExample(path);
    const entry = (await readSafetensorsHeader(path)).tensors.get('__proto__');
    await writeFile(path, (await readFile(path)).subarray(0, -1));
    await expect(entry && readTensorRaw(entry)).rejects.toThrow('the file ends inside __proto__');
  });
});
