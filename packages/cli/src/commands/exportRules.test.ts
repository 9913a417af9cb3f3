// What other programs look for in the models that the commands write: names of files and keys, types of numbers, configs.
// The lists are those of the reference's own files (fixtures); `npm run interop` opens such exports for real.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader } from '@likeness/core';
import { temporaryFolder } from '@likeness/core/testing';
import { describe, expect, it } from 'vitest';
import { main } from '../main.ts';

const FIXTURES = join(import.meta.dirname, '..', '..', '..', '..', 'fixtures');
const TINY = join(FIXTURES, 'tiny-sd1');
const LORA = join(FIXTURES, 'lora-files', 'lora-diffusers');
const WEIGHTS = [
  'unet/diffusion_pytorch_model.safetensors',
  'vae/diffusion_pytorch_model.safetensors',
  'text_encoder/model.safetensors',
];
const folder = temporaryFolder();

async function pipeline(...words: string[]): Promise<void> {
  const said: string[] = [];
  const keep = (line: string): unknown => said.push(line);
  expect(await main(words, { out: keep, err: keep, isLive: false }), said.join('\n')).toBe(0);
}

async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

async function headerOf(path: string): Promise<{ keys: string[]; dtypes: string[] }> {
  const { tensors } = await readSafetensorsHeader(path);
  return {
    keys: [...tensors.keys()].sort(),
    dtypes: [...new Set([...tensors.values()].map(({ dtype }) => dtype))],
  };
}

describe.each([
  ['convert', 'fp32', 'F32'],
  ['convert', 'fp16', 'F16'],
  ['merge', 'bf16', 'BF16'],
])('%s to a folder in %s', (command, dtype, stored) => {
  const out = join(folder, `${command}-${dtype}`);

  it('writes the files of the original, with the same keys in one type', async () => {
    const target =
      command === 'merge' ? ['--lora', LORA, '--output-dir', out, '--no-undo'] : [out, '--to', 'diffusers'];
    await pipeline(command, TINY, ...target, '--dtype', dtype);
    const written = await filesBelow(out);
    // Ours besides: what a merge was made of.
    expect(written.filter((path) => path.includes('/') || path === 'model_index.json')).toEqual(
      await filesBelow(TINY),
    );
    for (const path of WEIGHTS) {
      const { keys, dtypes } = await headerOf(join(out, path));
      expect(keys).toEqual((await headerOf(join(TINY, path))).keys);
      expect(dtypes).toEqual([stored]);
    }
  });

  it('has a config that loads the text encoder beside the others', async () => {
    // diffusers loads the UNet in float32 whatever its file holds; transformers takes the type that the config names.
    const config = JSON.parse(await readFile(join(out, 'text_encoder', 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ dtype: 'float32' });
  });
});

it('writes single files with the keys of the original layout', async () => {
  const out = join(folder, 'tiny.safetensors');
  await pipeline('convert', TINY, out, '--to', 'ldm', '--dtype', 'fp16');
  const { key_map: known } = JSON.parse(
    await readFile(join(FIXTURES, 'ldm-checkpoint', 'ldm-checkpoint.json'), 'utf8'),
  ) as { key_map: object };
  const { keys, dtypes } = await headerOf(out);
  expect(keys).toEqual(Object.keys(known).sort());
  expect(dtypes).toEqual(['F16']);
});
