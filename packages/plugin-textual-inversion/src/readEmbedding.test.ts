import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors, type LikenessError, type TensorSource } from '@likeness/core';
import { createTinyModel, temporaryFolder } from '@likeness/core/testing';
import { expect, it } from 'vitest';
import { attachEmbedding, readEmbedding } from './index.ts';

const folder = temporaryFolder();
const tensor = (name: string, ...shape: number[]): TensorSource => ({
  name,
  dtype: 'F32',
  shape,
  data: () => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
});
async function file(name: string, ...tensors: TensorSource[]): Promise<string> {
  const path = join(folder, name);
  await writeSafetensors(path, tensors);
  return path;
}

it('reads one key, a single vector, and emb_params under the file’s name', async () => {
  expect(await readEmbedding(await file('a.safetensors', tensor('<cat>', 2, 3)))).toMatchObject({
    word: '<cat>',
    vectors: 2,
    width: 3,
    values: Float32Array.of(0, 1, 2, 3, 4, 5),
  });
  expect(await readEmbedding(await file('b.safetensors', tensor('<cat>', 3)))).toMatchObject({
    vectors: 1,
    width: 3,
  });
  const params = await file('my-cat.safetensors', tensor('emb_params', 1, 3));
  expect((await readEmbedding(params)).word).toBe('my-cat');
  expect((await readEmbedding(params, { word: '<c>' })).word).toBe('<c>');
});

it('takes the file’s name where the key is a text encoder’s, and what its header calls it', async () => {
  const comfy = await file('my-dog.safetensors', tensor('clip_l', 1, 3));
  expect(await readEmbedding(comfy)).toMatchObject({ word: 'my-dog', vectors: 1, width: 3 });
  const path = join(folder, 'renamed.safetensors');
  await writeSafetensors(path, [tensor('clip_l', 1, 3)], { placeholder_token: '<dog>' });
  expect((await readEmbedding(path)).word).toBe('<dog>');
});

it('reads vectors of any number type', async () => {
  const path = join(folder, 'double.safetensors');
  await writeSafetensors(path, [
    { name: '<cat>', dtype: 'F64', shape: [1, 2], data: () => Float64Array.of(0.5, -2) },
  ]);
  expect(await readEmbedding(path)).toMatchObject({ values: Float32Array.of(0.5, -2), dtype: 'F32' });
});

it('refuses no vectors, vectors that are no numbers and words that are none', async () => {
  const codeOf = async (name: string, one: TensorSource, word?: string): Promise<unknown> =>
    readEmbedding(await file(name, one), word === undefined ? {} : { word }).catch(
      (error: unknown) => (error as LikenessError).code,
    );
  expect(await codeOf('zero.safetensors', tensor('<cat>', 0, 3))).toBe('embedding/empty');
  expect(await codeOf('narrow.safetensors', tensor('<cat>', 1e9, 0))).toBe('embedding/empty');
  const nan = { ...tensor('<cat>', 1, 1), data: () => Float32Array.of(NaN) };
  expect(await codeOf('nan.safetensors', nan)).toBe('embedding/not-finite');
  expect(await codeOf('blank.safetensors', tensor(' ', 1, 3))).toBe('embedding/no-word');
  expect(await codeOf('escape.safetensors', tensor('a\u001b[2J', 1, 3))).toBe('embedding/no-word');
  expect(await codeOf('second.safetensors', tensor('clip_g', 1, 3))).toBe('embedding/other-model');
});

it('refuses pickles, saying why and how to convert them', async () => {
  await writeFile(join(folder, 'old.pt'), 'PK');
  const attempt = readEmbedding(join(folder, 'old.pt'));
  await expect(attempt).rejects.toThrow(/a pickle: opening it would run whatever program it holds/);
  await expect(attempt).rejects.toThrow(/torch.load\("old.pt", map_location="cpu", weights_only=True\)/);
});

it('refuses pairs for two text encoders and files of something else', async () => {
  const pair = await file('xl.safetensors', tensor('clip_l', 1, 3), tensor('clip_g', 1, 5));
  await expect(readEmbedding(pair)).rejects.toThrow(/two text encoders \(SDXL\)[^]*clip_g \[1,5\]/);
  const lora = await file('lora.safetensors', tensor('a', 1, 3), tensor('b', 1, 3));
  await expect(readEmbedding(lora)).rejects.toThrow(/not a file of learned vectors[^]*a \[1,3\], b \[1,3\]/);
});

it('attaches several to one model, and none of another width', async () => {
  const model = await createTinyModel(join(folder, 'model'));
  const width = model.textEncoder.hiddenSize;
  const plain = model.tokenizer.encode('a <one> <two>');
  const one = await attachEmbedding(model, await file('1.safetensors', tensor('<one>', 2, width)));
  const two = await attachEmbedding(model, await file('2.safetensors', tensor('<two>', 1, width)));
  const [a = 0, first = 0, ...others] = model.tokenizer.encode('a <one> <two>');
  expect([a, ...others]).toEqual([plain[0], first + 1, first + 2]);
  expect([...one.initialValues, ...two.initialValues].map(([name]) => name)).toEqual([
    'textual_inversion.<one>',
    'textual_inversion.<two>',
  ]);
  two.detach();
  one.detach();
  expect(model.tokenizer.encode('a <one> <two>')).toEqual(plain);
  const wide = await file('wide.safetensors', tensor('<one>', 1, width + 1));
  await expect(attachEmbedding(model, wide)).rejects.toThrow(`expected: [1, ${width}]`);
});
