import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTensor, WeightsError, writeSafetensors } from '@likeness/engine';
import { describe, expect, test } from 'vitest';
import { componentsOf, modelFingerprint, openModel } from './index.ts';
import { copyOfTiny, DOODLE, folder, sourcesOf, TINY } from './testFolders.ts';

describe('a diffusers folder', () => {
  test.each([TINY, DOODLE])('%s opens', async (path) => {
    const model = await openModel(path);
    expect(model.format).toBe('diffusers');
    expect(componentsOf(model).map(({ name }) => name)).toEqual(['unet', 'vae', 'text_encoder']);
    expect(model.components.unet.config).toMatchObject({ _class_name: 'UNet2DConditionModel' });
    expect(model.components.unet.tensors.get('conv_in.weight')?.shape.slice(2)).toEqual([3, 3]);
    expect(model.components.textEncoder.tensors.has('text_model.final_layer_norm.weight')).toBe(true);
    expect(model.scheduler).toMatchObject({ num_train_timesteps: 1000 });
    expect(model.tokenizer.files.some((file) => file.endsWith('vocab.json'))).toBe(true);
  });

  test('older spellings become the one of today', async () => {
    const copy = await copyOfTiny('old-spelling');
    const text = join(copy, 'text_encoder', 'model.safetensors');
    const positions = {
      name: 'embeddings.position_ids',
      dtype: 'I64',
      shape: [1, 2],
      data: () => BigInt64Array.of(0n, 1n),
    } as const;
    await writeSafetensors(text, [
      positions,
      ...(await sourcesOf(text, (name) => name.replace('text_model.', ''))),
    ]);
    const vae = join(copy, 'vae', 'diffusion_pytorch_model.safetensors');
    const old: Record<string, string> = {
      to_q: 'query',
      to_k: 'key',
      to_v: 'value',
      'to_out.0': 'proj_attn',
    };
    await writeSafetensors(
      vae,
      await sourcesOf(vae, (name) => name.replace(/to_q|to_k|to_v|to_out\.0/, (part) => old[part] ?? part)),
    );
    const [got, want] = [await openModel(copy), await openModel(TINY)];
    for (const [i, { tensors }] of componentsOf(got).entries()) {
      expect([...tensors.keys()].sort()).toEqual([...(componentsOf(want)[i]?.tensors.keys() ?? [])].sort());
    }
    expect(await modelFingerprint(got, join(folder, 'memo'))).toBe(
      await modelFingerprint(want, join(folder, 'memo')),
    );
  });

  test('shards are one component; a stray or missing tensor is named', async () => {
    const copy = await copyOfTiny('sharded');
    const unet = join(copy, 'unet');
    const whole = join(unet, 'diffusion_pytorch_model.safetensors');
    const sources = await sourcesOf(whole);
    const names = ['00001', '00002'].map((n) => `diffusion_pytorch_model-${n}-of-00002.safetensors`);
    const [first = '', second = ''] = names;
    await writeSafetensors(join(unet, first), sources.slice(0, 100));
    await writeSafetensors(join(unet, second), sources.slice(100));
    const weightMap = Object.fromEntries(sources.map(({ name }, i) => [name, i < 100 ? first : second]));
    const index = join(unet, 'diffusion_pytorch_model.safetensors.index.json');
    await writeFile(index, JSON.stringify({ metadata: {}, weight_map: weightMap }));
    await rm(whole);
    const model = await openModel(copy);
    expect(model.components.unet.tensors.size).toBe(sources.length);
    expect(model.components.unet.weightFiles).toHaveLength(3);
    expect(await modelFingerprint(model, join(folder, 'memo'))).toBe(
      await modelFingerprint(await openModel(TINY), join(folder, 'memo')),
    );

    await writeFile(
      index,
      JSON.stringify({ weight_map: { ...weightMap, 'conv_in.weight': second, ghost: first } }),
    );
    await expect(openModel(copy)).rejects.toThrow(
      /ghost is in no shard[^]*conv_in.weight is in .*00001-of-00002.safetensors, not in/,
    );
  });

  test('variants: the wanted one, else the plain one, else what there is', async () => {
    const copy = await copyOfTiny('variants');
    const plain = join(copy, 'unet', 'diffusion_pytorch_model.safetensors');
    const fp16 = join(copy, 'unet', 'diffusion_pytorch_model.fp16.safetensors');
    await writeSafetensors(
      fp16,
      (await sourcesOf(plain)).map((source) => ({
        ...source,
        dtype: 'F16' as const,
        data: () => readTensor(source),
      })),
    );
    const dtype = async (variant?: string): Promise<string | undefined> =>
      (await openModel(copy, { variant })).components.unet.tensors.get('conv_in.weight')?.dtype;
    expect([await dtype(), await dtype('fp16'), await dtype('ema')]).toEqual(['F32', 'F16', 'F32']);
    await rm(plain);
    expect(await dtype()).toBe('F16');
  });

  test('everything wrong with it in one error', async () => {
    const copy = await copyOfTiny('broken');
    await rm(join(copy, 'unet', 'config.json'));
    await rm(join(copy, 'vae', 'diffusion_pytorch_model.safetensors'));
    await writeFile(join(copy, 'vae', 'diffusion_pytorch_model.bin'), '');
    await writeFile(join(copy, 'text_encoder', 'model.safetensors'), 'no');
    await rm(join(copy, 'scheduler'), { recursive: true });
    const error: unknown = await openModel(copy).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(WeightsError);
    const { message } = error as WeightsError;
    for (const part of [
      'unet/config.json',
      'only pickled weights',
      'not a valid safetensors file',
      'scheduler_config.json',
    ]) {
      expect(message).toContain(part);
    }
  });

  test('other kinds of models and names that are none', async () => {
    const copy = await copyOfTiny('xl');
    await writeFile(join(copy, 'model_index.json'), '{"_class_name":"StableDiffusionXLPipeline"}');
    await expect(openModel(copy)).rejects.toThrow(/StableDiffusionXLPipeline/);
    await expect(openModel(join(folder, 'nowhere', 'at', 'all'))).rejects.toThrow('no such file or folder');
    await expect(openModel(join(TINY, 'model_index.json'))).rejects.toThrow('a file of another kind');
    await writeFile(join(folder, 'model.ckpt'), '');
    await expect(openModel(join(folder, 'model.ckpt'))).rejects.toThrow(/can run code/);
  });
});
