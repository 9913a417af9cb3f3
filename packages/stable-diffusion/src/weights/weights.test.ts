import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  readSafetensorsHeader,
  readTensor,
  readTensorRaw,
  WeightsError,
  writeSafetensors,
  type TensorEntry,
} from '@likeness/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  componentsOf,
  matchKeys,
  modelFingerprint,
  openModel,
  planDiffusersFolder,
  writeLdmFile,
  writePlannedFiles,
  type ModelFiles,
} from './index.ts';

const TINY = new URL('../../../../fixtures/tiny-sd1', import.meta.url).pathname;
const DOODLE = new URL('../../../doodle/model', import.meta.url).pathname;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-weights-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function sourcesOf(
  path: string,
  rename: (name: string) => string = (name) => name,
): Promise<(TensorEntry & { data: () => Promise<Buffer> })[]> {
  const { tensors } = await readSafetensorsHeader(path);
  return [...tensors.values()].map((entry) => ({
    ...entry,
    name: rename(entry.name),
    data: () => readTensorRaw(entry),
  }));
}

async function copyOfTiny(name: string): Promise<string> {
  const copy = join(folder, name);
  await cp(TINY, copy, { recursive: true });
  return copy;
}

async function hashes(root: string): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const path of (await readdir(root, { recursive: true })).sort()) {
    if (!(await stat(join(root, path))).isFile()) continue;
    result[path] = createHash('sha256')
      .update(await readFile(join(root, path)))
      .digest('hex');
  }
  return result;
}

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

describe('writing a diffusers folder', () => {
  test('unchanged: bit for bit', async () => {
    const model = await openModel(DOODLE);
    const plan = await planDiffusersFolder(model, { changed: [] });
    const written = await writePlannedFiles(plan, join(folder, 'copy'));
    expect(plan.saves).toEqual([]);
    expect(await hashes(join(folder, 'copy'))).toEqual(await hashes(DOODLE));
    expect(written.sort()).toEqual(Object.keys(await hashes(DOODLE)));
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

describe('a single LDM file', () => {
  /** tiny-sd1 as SD 2.x: OpenCLIP's activation, linear projections. */
  async function tinySd2(): Promise<ModelFiles> {
    const copy = await copyOfTiny('tiny-sd2');
    const config = join(copy, 'text_encoder', 'config.json');
    await writeFile(config, (await readFile(config, 'utf8')).replace('quick_gelu', 'gelu'));
    const unet = join(copy, 'unet', 'diffusion_pytorch_model.safetensors');
    const linear = (await sourcesOf(unet)).map((source) =>
      /proj_(in|out)\.weight$/.test(source.name) ? { ...source, shape: source.shape.slice(0, 2) } : source,
    );
    await writeSafetensors(unet, linear);
    return openModel(copy);
  }

  async function expectSameTensors(got: ModelFiles, want: ModelFiles): Promise<void> {
    for (const [i, { name, tensors }] of componentsOf(want).entries()) {
      const others = componentsOf(got)[i]?.tensors;
      expect([...(others?.keys() ?? [])].sort(), name).toEqual([...tensors.keys()].sort());
      for (const [key, entry] of tensors) {
        const other = others?.get(key) as TensorEntry;
        expect(other.shape, key).toEqual(entry.shape);
        expect((await readTensorRaw(other)).equals(await readTensorRaw(entry)), key).toBe(true);
      }
    }
  }

  test("SD 2.x's layout, there and back", async () => {
    const model = await tinySd2();
    const path = join(folder, 'sd2.safetensors');
    await writeLdmFile(path, model.components, { dtype: 'F32', metadata: { 'modelspec.title': 'tiny' } });
    const { tensors, metadata } = await readSafetensorsHeader(path);
    expect(metadata).toEqual({ format: 'pt', 'modelspec.title': 'tiny' });
    expect(tensors.get('cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight')?.shape).toEqual([
      96, 32,
    ]);
    expect(tensors.get('first_stage_model.encoder.mid.attn_1.q.weight')?.shape).toEqual([64, 64, 1, 1]);
    const back = await openModel(path, { configFolder: model.source });
    await expectSameTensors(back, model);
    // stacked halves are put together in the same order
    await writeLdmFile(join(folder, 'sd2-half.safetensors'), model.components, { dtype: 'F16' });
    await writeLdmFile(join(folder, 'sd2-half-again.safetensors'), back.components, { dtype: 'F16' });
    expect(
      (await readFile(join(folder, 'sd2-half.safetensors'))).equals(
        await readFile(join(folder, 'sd2-half-again.safetensors')),
      ),
    ).toBe(true);

    const inferred = await openModel(path, { tokenizerFolder: join(TINY, 'tokenizer') });
    await expectSameTensors(inferred, model);
    expect(inferred.components.unet.config).toMatchObject({
      use_linear_projection: true,
      cross_attention_dim: 32,
      attention_head_dim: [1, 1],
    });
    expect(inferred.components.textEncoder.config).toMatchObject({
      hidden_act: 'gelu',
      num_hidden_layers: 3,
      max_position_embeddings: 77,
    });
    expect(inferred.scheduler).toMatchObject({ prediction_type: 'v_prediction' });
    expect(inferred.tokenizer.settings).toEqual({ modelMaxLength: 77, padToken: '!' });
  });

  test('configs inferred from shapes are those of the folder, where shapes tell', async () => {
    const model = await openModel(TINY);
    const path = join(folder, 'sd1.safetensors');
    await writeLdmFile(path, model.components, {
      dtype: 'F32',
      metadata: { 'modelspec.prediction_type': 'v' },
    });
    const inferred = await openModel(path, { tokenizerFolder: join(TINY, 'tokenizer') });
    await expectSameTensors(inferred, model);
    const untold = new Set(['norm_num_groups', 'num_attention_heads', 'sample_size']);
    for (const [i, { name, config }] of componentsOf(inferred).entries()) {
      const want = componentsOf(model)[i]?.config as Record<string, unknown>;
      for (const [field, value] of Object.entries(config as object)) {
        if (!untold.has(field) && field in want)
          expect({ [field]: value }, name).toEqual({ [field]: want[field] });
      }
    }
    expect(inferred.scheduler).toMatchObject({ prediction_type: 'v_prediction', steps_offset: 1 });
    expect(inferred.tokenizer.settings).toEqual({ modelMaxLength: 77, padToken: '<|endoftext|>' });
    await expect(openModel(path)).rejects.toThrow(/holds no tokenizer/);

    const plan = await planDiffusersFolder(inferred, { changed: [] });
    await writePlannedFiles(plan, join(folder, 'from-ldm'));
    await expectSameTensors(await openModel(join(folder, 'from-ldm')), model);
  });

  test('other files are refused for what they are', async () => {
    const path = join(folder, 'other.safetensors');
    const tensor = (
      name: string,
    ): { name: string; dtype: 'F32'; shape: number[]; data: () => Float32Array } => ({
      name,
      dtype: 'F32',
      shape: [1],
      data: () => Float32Array.of(1),
    });
    await writeSafetensors(path, [tensor('lora_unet_mid_block.alpha')]);
    await expect(openModel(path)).rejects.toThrow(
      /no tensors under model.diffusion_model., first_stage_model., cond_stage_model.[^]*LoRA/,
    );
    await writeSafetensors(path, [tensor('conditioner.embedders.0.transformer.text_model.x')]);
    await expect(openModel(path)).rejects.toThrow(/SDXL/);
  });
});

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
