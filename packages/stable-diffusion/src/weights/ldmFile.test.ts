import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensorRaw, writeSafetensors, type TensorEntry } from '@likeness/engine';
import { describe, expect, test } from 'vitest';
import {
  componentsOf,
  openModel,
  planDiffusersFolder,
  writeLdmFile,
  writePlannedFiles,
  type ModelFiles,
} from './index.ts';
import { copyOfTiny, folder, sourcesOf, TINY } from './testFolders.ts';

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
        if (!untold.has(field) && field in want) expect(value, `${name}: ${field}`).toEqual(want[field]);
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
