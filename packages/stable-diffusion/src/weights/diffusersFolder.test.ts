import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor, writeSafetensors, type TensorEntry } from '@likeness/engine';
import { describe, expect, test } from 'vitest';
import { openModel, planDiffusersFolder, writePlannedFiles } from './index.ts';
import { copyOfTiny, DOODLE, folder, hashes, TINY } from './testFolders.ts';

describe('writing a diffusers folder', () => {
  test('unchanged: bit for bit, but that a half-precision text encoder loads as the rest does', async () => {
    const model = await openModel(DOODLE);
    const plan = await planDiffusersFolder(model, { changed: [] });
    const written = await writePlannedFiles(plan, join(folder, 'copy'));
    expect(plan.saves).toEqual([]);
    // likeness.json is no part of a diffusers folder: the model's export writes it.
    const { 'likeness.json': _, ...original } = await hashes(DOODLE);
    const copied = await hashes(join(folder, 'copy'));
    expect(written.sort()).toEqual(Object.keys(original));
    const config = 'text_encoder/config.json';
    expect({ ...copied, [config]: original[config] }).toEqual(original);
    const text = await readFile(join(DOODLE, config), 'utf8');
    expect(await readFile(join(folder, 'copy', config), 'utf8')).toBe(
      text.replace('{', '{\n  "dtype": "float32",'),
    );
    await expect(writePlannedFiles(plan, DOODLE)).rejects.toThrow('written over itself');
  });

  test('a changed component is left to the engine, in the order of the file: the same values give the same bytes', async () => {
    const model = await openModel(TINY);
    const plan = await planDiffusersFolder(model, { changed: ['unet'] });
    await writePlannedFiles(plan, join(folder, 'changed'));
    const [save] = plan.saves;
    expect(save).toMatchObject({
      component: 'unet',
      path: 'unet/diffusion_pytorch_model.safetensors',
      metadata: { format: 'pt' },
    });
    const tensors = (save?.tensors ?? []).map(({ key, shape, dtype }) => ({
      name: key,
      shape,
      dtype,
      data: () => readTensor(model.components.unet.tensors.get(key) as TensorEntry),
    }));
    await writeSafetensors(join(folder, 'changed', save?.path ?? ''), tensors, save?.metadata);
    expect(await hashes(join(folder, 'changed'))).toEqual(await hashes(TINY));
  });

  test('another dtype rewrites what is not in it yet', async () => {
    const model = await openModel(TINY);
    const plan = await planDiffusersFolder(model, { changed: ['text_encoder'], dtype: 'F16' });
    expect(plan.converted.map(({ path }) => path)).toEqual([
      'unet/diffusion_pytorch_model.safetensors',
      'vae/diffusion_pytorch_model.safetensors',
    ]);
    expect(new Set(plan.saves[0]?.tensors.map(({ dtype }) => dtype))).toEqual(new Set(['F16']));
    await writePlannedFiles(plan, join(folder, 'half'));
    const { tensors } = await readSafetensorsHeader(
      join(folder, 'half', 'unet', 'diffusion_pytorch_model.safetensors'),
    );
    expect(tensors.get('conv_in.weight')?.dtype).toBe('F16');
  });

  test('a safety checker that was not downloaded is taken out of the index', async () => {
    const copy = await copyOfTiny('checked');
    const index = {
      _class_name: 'StableDiffusionPipeline',
      safety_checker: ['x', 'SafetyChecker'],
      feature_extractor: ['transformers', 'CLIPImageProcessor'],
    };
    await writeFile(join(copy, 'model_index.json'), JSON.stringify(index));
    await mkdir(join(copy, 'feature_extractor'));
    await writeFile(join(copy, 'feature_extractor', 'preprocessor_config.json'), '{}');
    await writePlannedFiles(
      await planDiffusersFolder(await openModel(copy), { changed: [] }),
      join(folder, 'unchecked'),
    );
    const written: unknown = JSON.parse(
      await readFile(join(folder, 'unchecked', 'model_index.json'), 'utf8'),
    );
    expect(written).toMatchObject({
      safety_checker: [null, null],
      requires_safety_checker: false,
      feature_extractor: index.feature_extractor,
    });
    expect(Object.keys(await hashes(join(folder, 'unchecked')))).toContain(
      'feature_extractor/preprocessor_config.json',
    );
  });
});
