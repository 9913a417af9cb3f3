import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../model.ts';
import { matchKeys, modelFingerprint, openModel, readContent, type ModelFiles } from './index.ts';
import { copyOfTiny, folder, TINY } from './testFolders.ts';

describe('fingerprint', () => {
  test('follows the content, and the memo the file', async () => {
    const memo = join(folder, 'memo2');
    const copy = await copyOfTiny('fingerprint');
    const original = await modelFingerprint(await openModel(TINY), memo);
    expect(original).toMatch(/^[0-9a-f]{64}$/);
    const model = await openModel(copy);
    expect(await modelFingerprint(model, memo)).toBe(original);

    const file = join(copy, 'vae', 'diffusion_pytorch_model.safetensors');
    const bytes = await readFile(file);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(file, bytes);
    await utimes(file, 1e9, 1e9);
    expect(await modelFingerprint(model, memo)).not.toBe(original);

    // a remembered answer is not computed again: an altered memo shows through
    for (const name of await readdir(memo)) await writeFile(join(memo, name), 'a'.repeat(64));
    expect(await modelFingerprint(model, memo)).toBe('a'.repeat(64));
  });

  test('a config that changes what is computed changes it; a version does not', async () => {
    const memo = join(folder, 'memo3');
    const model = await openModel(TINY);
    const original = await modelFingerprint(model, memo);
    const withVae = (fields: object): ModelFiles => {
      const vae = {
        ...model.components.vae,
        config: { ...(model.components.vae.config as object), ...fields },
      };
      return { ...model, components: { ...model.components, vae } };
    };
    expect(await modelFingerprint(withVae({ _diffusers_version: '9' }), memo)).toBe(original);
    expect(await modelFingerprint(withVae({ scaling_factor: 1 }), memo)).not.toBe(original);
  });
});

test('matchKeys lists everything at once', async () => {
  const { vae } = (await openModel(TINY)).components;
  const expected = new Map([...vae.tensors].map(([key, { shape }]) => [key, shape]));
  expect(() => matchKeys(expected, vae.tensors, { component: 'vae' })).not.toThrow();
  expected.delete('encoder.conv_in.bias');
  expected.set('decoder.conv_in.bias', [7]);
  expected.set('decoder.ghost.weight', [1, 2]);
  expect(() => matchKeys(expected, vae.tensors, { component: 'vae' })).toThrow(
    /missing: decoder.ghost.weight \[1, 2\]\n.*shape: decoder.conv_in.bias is \[64\], config.json makes it \[7\]\n.*unexpected: encoder.conv_in.bias \[32\]/,
  );
});

test('a model put in the place of another with its size and date is read again; NaN in weights is told', async () => {
  const copy = await copyOfTiny('replaced');
  const path = join(copy, 'vae', 'diffusion_pytorch_model.safetensors');
  const memo = join(folder, 'memo-of-replaced');
  await utimes(path, 1e9, 1e9);
  const before = await readContent(await openModel(copy), memo);
  expect(before.notFinite).toEqual([]);
  const bytes = await readFile(path);
  // the last number of the last tensor becomes NaN
  bytes.writeFloatLE(NaN, bytes.length - 4);
  await writeFile(path, bytes);
  await utimes(path, 1e9, 1e9);
  const model = await openModel(copy);
  const last = [...model.components.vae.tensors.values()].reduce((a, b) => (a.offset > b.offset ? a : b));
  for (const read of [1, 2]) {
    const after = await readContent(model, memo);
    expect(after.fingerprint, String(read)).not.toBe(before.fingerprint);
    expect(after.notFinite).toEqual([`vae: ${last.name}`]);
  }
  const { warnings = [] } = await loadModel(copy);
  expect(warnings.map(({ code }) => code)).toEqual(['model/not-finite-weights']);
});
