import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeImage } from '../data/decodeImage.ts';
import { FileError } from '../errors.ts';
import { encodePng, formatParameters, readPngText, writePng } from './png.ts';

const image = { width: 5, height: 3, data: Uint8Array.from({ length: 45 }, (_, i) => i * 5) };
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'png-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('pixels and texts come back, Latin-1 or not', async () => {
  const text = {
    parameters: formatParameters({
      prompt: 'a photo of sks dog, café',
      negativePrompt: 'blurry',
      steps: 25,
      sampler: 'DPM++ 2M',
      guidanceScale: 7.5,
      seed: 3,
      width: 64,
      height: 64,
    }),
    likeness: JSON.stringify({ prompt: '犬 — 🐶', empty: '' }),
    none: '',
  };
  const path = join(folder, 'sample.png');
  await writePng(path, image, text);
  expect(await readPngText(path)).toEqual(text);
  expect(text.parameters).toBe(
    'a photo of sks dog, café\nNegative prompt: blurry\nSteps: 25, Sampler: DPM++ 2M, CFG scale: 7.5, Seed: 3, Size: 64x64',
  );
  expect((await decodeImage(path)).data).toEqual(Buffer.from(image.data));
  expect(await readdir(folder)).toEqual(['sample.png']); // no temporary file stays
});

test("another decoder reads the texts: libvips' own", async () => {
  const { comments } = await sharp(await encodePng(image, { parameters: 'a dog' })).metadata();
  expect(comments).toEqual([{ keyword: 'parameters', text: 'a dog' }]);
});

test('equal input gives equal bytes', async () => {
  expect(await encodePng(image, { a: 'b' })).toEqual(await encodePng(image, { a: 'b' }));
});

test('compressed texts of other writers are read', async () => {
  const png = Buffer.from(await encodePng(image, { zTXt: 'x' }));
  const start = png.indexOf('tEXt') - 4;
  const body = Buffer.concat([Buffer.from('Comment\0\0'), deflateSync('long text')]);
  const { crc32 } = await import('node:zlib');
  const typed = Buffer.concat([Buffer.from('zTXt'), body]);
  const frame = Buffer.alloc(4);
  frame.writeUInt32BE(body.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(typed));
  const rest = png.subarray(start + 12 + 'zTXt\0x'.length);
  expect(await readPngText(Buffer.concat([png.subarray(0, start), frame, typed, sum, rest]))).toEqual({
    Comment: 'long text',
  });
});

test('damage and other files are named', async () => {
  const path = join(folder, 'a.png');
  await writePng(path, image, { likeness: '{}' });
  const bytes = await readFile(path);
  bytes[50] = (bytes[50] ?? 0) ^ 1;
  await expect(readPngText(bytes)).rejects.toThrow(/damaged PNG/);
  await expect(readPngText(Buffer.from('GIF89a'))).rejects.toThrow(/not a PNG/);
  await expect(encodePng(image, { ['ключ']: 'x' })).rejects.toThrow(/keyword/);
});

test('a failed write leaves nothing behind', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(writePng(join(folder, 'file', 'a.png'), image)).rejects.toThrow(FileError);
  expect(await readdir(folder)).toEqual(['file']);
});
