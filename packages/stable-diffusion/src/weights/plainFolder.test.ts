// Whatever a model was opened from, the folder written of it opens with `from_pretrained(folder)` and draws: weights
// under their plain names, all of one dtype, and configs that load them as float32, as `from_pretrained` does the rest.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readSafetensorsHeader,
  readTensor,
  writeSafetensors,
  type SafetensorsDtype,
  type TensorEntry,
} from '@likeness/engine';
import { describe, expect, test } from 'vitest';
import {
  openModel,
  planDiffusersFolder,
  writeLdmFile,
  writePlannedFiles,
  type WeightsDtype,
} from './index.ts';
import { copyOfTiny, folder, sourcesOf, TINY } from './testFolders.ts';

const TORCH: Record<string, string> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };
const PLACES = [
  ['unet', 'diffusion_pytorch_model'],
  ['vae', 'diffusion_pytorch_model'],
  ['text_encoder', 'model'],
] as const;

/** tiny-sd1 as `save_pretrained(folder, variant=..., max_shard_size=...)` of a half-precision pipeline writes it. */
async function variantOfTiny(
  name: string,
  { dtype, variant, shards }: { dtype: WeightsDtype; variant?: string; shards: boolean },
): Promise<string> {
  const copy = await copyOfTiny(name);
  const infix = variant === undefined ? '' : `.${variant}`;
  for (const [component, stem] of PLACES) {
    const place = join(copy, component);
    const plain = join(place, `${stem}.safetensors`);
    const sources = (await sourcesOf(plain)).map((source) => ({
      ...source,
      dtype: dtype as SafetensorsDtype,
      data: () => readTensor(source),
    }));
    const half = Math.ceil(sources.length / 2);
    const parts = shards ? [sources.slice(0, half), sources.slice(half)] : [sources];
    const map: Record<string, string> = {};
    for (const [i, part] of parts.entries()) {
      const file = shards
        ? `${stem}${infix}-0000${i + 1}-of-00002.safetensors`
        : `${stem}${infix}.safetensors`;
      await writeSafetensors(join(place, `${file}.new`), part, { format: 'pt' });
      await rename(join(place, `${file}.new`), join(place, file));
      for (const source of part) map[source.name] = file;
    }
    if (shards || infix !== '') await rm(plain);
    if (shards) {
      const index = { metadata: { total_size: 0 }, weight_map: map };
      await writeFile(join(place, `${stem}.safetensors.index${infix}.json`), JSON.stringify(index));
    }
  }
  const config = join(copy, 'text_encoder', 'config.json');
  const text = await readFile(config, 'utf8');
  expect(text).toContain('"dtype": "float32"');
  await writeFile(config, text.replace('"dtype": "float32"', `"dtype": "${TORCH[dtype]}"`));
  return copy;
}

/** What `from_pretrained(folder)` needs of a component. @returns the dtypes of its tensors */
async function expectPlain(place: string, stem: string): Promise<string[]> {
  const names = (await readdir(place)).filter((name) => /safetensors|\.bin$/.test(name));
  const index = `${stem}.safetensors.index.json`;
  const single = [`${stem}.safetensors`];
  if (names.includes(index)) {
    const map = (
      JSON.parse(await readFile(join(place, index), 'utf8')) as { weight_map: Record<string, string> }
    ).weight_map;
    expect(names.filter((name) => name !== index).sort()).toEqual([...new Set(Object.values(map))].sort());
  } else expect(names).toEqual(single);
  expect(names.filter((name) => /fp16|bf16/.test(name))).toEqual([]);
  const entries: TensorEntry[] = [];
  for (const name of names.filter((file) => file.endsWith('.safetensors')))
    entries.push(...(await readSafetensorsHeader(join(place, name))).tensors.values());
  return [...new Set(entries.map(({ dtype }) => dtype).filter((dtype) => dtype !== 'I64'))];
}

async function expectOpens(written: string, dtype: string): Promise<void> {
  for (const [component, stem] of PLACES)
    expect(await expectPlain(join(written, component), stem), component).toEqual([dtype]);
  const text = await readFile(join(written, 'text_encoder', 'config.json'), 'utf8');
  // else transformers would make it half precision beside a UNet in float32
  expect(text).toContain('"dtype": "float32"');
  // a number that transformers reads as a float stays one
  expect(text).toContain('"initializer_factor": 1.0');
}

async function write(source: string, name: string, dtype: WeightsDtype | undefined): Promise<string> {
  const model = await openModel(source, { tokenizerFolder: join(TINY, 'tokenizer') });
  const target = join(folder, name);
  await writePlannedFiles(await planDiffusersFolder(model, { changed: [], dtype }), target);
  return target;
}

test('a config that names no dtype gets one where the weights are half precision', async () => {
  const source = await variantOfTiny('untold', { dtype: 'F16', shards: false });
  const config = join(source, 'text_encoder', 'config.json');
  await writeFile(config, (await readFile(config, 'utf8')).replace(/ *"dtype": .*\n/, ''));
  const read = async (folder: string): Promise<string> =>
    readFile(join(folder, 'text_encoder', 'config.json'), 'utf8');
  expect(await read(source)).not.toContain('dtype');
  expect(await read(await write(source, 'untold-half', undefined))).toContain('"dtype": "float32"');
  expect(await read(await write(source, 'untold-full', 'F32'))).toBe(await read(source));
});

describe.each([
  { dtype: 'F16', variant: 'fp16', shards: false },
  { dtype: 'BF16', variant: 'bf16', shards: true },
  { dtype: 'F16', shards: true },
  { dtype: 'F32', shards: true },
  { dtype: 'F16', shards: false },
] as const)('of a model in $dtype, variant $variant, shards $shards', (how) => {
  const name = `${how.dtype}-${'variant' in how ? how.variant : 'plain'}-${how.shards}`;

  test.each(['F32', 'F16', 'BF16', undefined] as const)('written as %s', async (dtype) => {
    const source = await variantOfTiny(`${name}-${dtype}`, how);
    const written = await write(source, `${name}-${dtype}-written`, dtype);
    await expectOpens(written, dtype ?? how.dtype);
    const [got, want] = [await openModel(written), await openModel(source)];
    expect([...got.components.unet.tensors.keys()].sort()).toEqual(
      [...want.components.unet.tensors.keys()].sort(),
    );
  });
});

test('components of several dtypes become float32, which holds all', async () => {
  const source = await variantOfTiny('mixed', { dtype: 'F16', shards: false });
  const vae = join(source, 'vae', 'diffusion_pytorch_model.safetensors');
  await writeSafetensors(vae, await sourcesOf(join(TINY, 'vae', 'diffusion_pytorch_model.safetensors')), {});
  await expectOpens(await write(source, 'mixed-written', undefined), 'F32');
});

test('a config taken from another model names the dtype of these weights', async () => {
  const source = await variantOfTiny('half-base', { dtype: 'F16', variant: 'fp16', shards: false });
  const file = join(folder, 'of-half.safetensors');
  await writeLdmFile(file, (await openModel(source)).components, { dtype: 'F16' });
  const model = await openModel(file, { configFolder: source });
  const target = join(folder, 'of-half-written');
  await writePlannedFiles(await planDiffusersFolder(model, { changed: ['unet'], dtype: 'F32' }), target);
  expect(await readFile(join(target, 'text_encoder', 'config.json'), 'utf8')).toContain('"dtype": "float32"');
});

test('further components have plain names and the dtype, too; a folder in a component is left out', async () => {
  const source = await variantOfTiny('checked-half', { dtype: 'F16', variant: 'fp16', shards: false });
  const index = JSON.parse(await readFile(join(source, 'model_index.json'), 'utf8')) as object;
  const changed = {
    ...index,
    safety_checker: ['stable_diffusion', 'StableDiffusionSafetyChecker'],
    '../outside': ['x', 'Y'],
  };
  await writeFile(join(source, 'model_index.json'), JSON.stringify(changed));
  const checker = join(source, 'safety_checker');
  await mkdir(join(source, 'tokenizer', 'folder'));
  await mkdir(join(checker, 'folder'), { recursive: true });
  await writeFile(join(checker, 'config.json'), '{"torch_dtype": "float16"}');
  await writeFile(join(checker, 'pytorch_model.bin'), 'a pickle');
  await writeSafetensors(join(checker, 'model.fp16.safetensors'), [
    { name: 'position_ids', dtype: 'I64', shape: [1], data: () => BigInt64Array.of(0n) },
    { name: 'weight', dtype: 'F16', shape: [1], data: () => Float32Array.of(1) },
  ]);
  for (const dtype of ['F16', 'F32'] as const) {
    const written = await write(source, `checked-${dtype}`, dtype);
    expect(await expectPlain(join(written, 'safety_checker'), 'model')).toEqual([dtype]);
    expect(await readdir(join(written, 'safety_checker'))).toEqual(['config.json', 'model.safetensors']);
    expect(await readFile(join(written, 'safety_checker', 'config.json'), 'utf8')).toBe(
      '{"torch_dtype": "float32"}',
    );
    expect(JSON.parse(await readFile(join(written, 'model_index.json'), 'utf8'))).toMatchObject({
      safety_checker: changed.safety_checker,
      '../outside': [null, null],
    });
  }
});
