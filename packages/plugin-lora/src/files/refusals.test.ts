// What is said of files that are no adapters of the model: which model they are for, in a few lines.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LikenessError, writeSafetensors } from '@likeness/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdaptableLayer } from '../layers.ts';
import { openAdapters } from './openAdapters.ts';
import { readAdapters } from './readAdapters.ts';

const RANK = 2;

/** The layers of a UNet with one transformer in each block, of chosen sizes. */
const unet = (channels: readonly number[], textWidth: number): AdaptableLayer[] =>
  channels.flatMap((width, block) =>
    ['attn1', 'attn2'].flatMap((attention) =>
      ['to_q', 'to_k', 'to_v', 'to_out.0'].map((name): AdaptableLayer => {
        const inputs = attention === 'attn2' && /_[kv]$/.test(name) ? textWidth : width;
        const path = `down_blocks.${block}.attentions.0.transformer_blocks.0.${attention}.${name}`;
        return { component: 'unet', path, kind: 'linear', shape: [width, inputs] };
      }),
    ),
  );
const small = unet([32, 64], 32);
const version1 = unet([320, 640, 1280], 768);
const version2 = unet([320, 640, 1280], 1024);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-refusals-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Shapes = Readonly<Record<string, readonly number[]>>;

/** Kohya's file of adapters on layers. */
const adaptersOf = (layers: readonly AdaptableLayer[]): Shapes =>
  Object.fromEntries(
    layers.flatMap(({ path, shape: [out = 1, inputs = 1] }) => {
      const module = `lora_unet_${path.replaceAll('.', '_')}`;
      return [
        [`${module}.alpha`, []],
        [`${module}.lora_down.weight`, [RANK, inputs]],
        [`${module}.lora_up.weight`, [out, RANK]],
      ];
    }),
  );

async function refusal(
  shapes: Shapes,
  layers: readonly AdaptableLayer[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<LikenessError> {
  const path = join(folder, 'robot.safetensors');
  const sources = Object.entries(shapes).map(([name, shape]) => ({
    name,
    dtype: 'F16' as const,
    shape,
    data: () => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1),
  }));
  await writeSafetensors(path, sources, metadata);
  const error: unknown = await readAdapters(path, layers).catch((reason: unknown) => reason);
  if (!(error instanceof LikenessError))
    throw new Error(`not refused with an error of ours: ${String(error)}`);
  expect(error.message.split('\n').length).toBeLessThanOrEqual(10);
  expect(error.where).toContain(path);
  return error;
}

describe('another family', () => {
  const many = (keyOf: (i: number) => string): Shapes =>
    Object.fromEntries(Array.from({ length: 700 }, (_, i) => [keyOf(i), [4, 4]]));

  it.each([
    [
      'Stable Diffusion XL',
      (i: number) => `lora_unet_input_blocks_8_1_transformer_blocks_${i}_attn1_to_k.lora_down.weight`,
    ],
    [
      'Stable Diffusion XL',
      (i: number) => `unet.mid_block.attentions.0.transformer_blocks.${i}.attn1.to_k.lora_A.weight`,
    ],
    [
      'Stable Diffusion XL',
      (i: number) => `lora_te2_text_model_encoder_layers_${i}_mlp_fc1.lora_down.weight`,
    ],
    ['Stable Diffusion XL', (i: number) => `bundle_emb.word${i}.clip_g`],
    [
      'FLUX, or one built like it',
      (i: number) => `lora_unet_double_blocks_${i}_img_attn_qkv.lora_down.weight`,
    ],
    [
      'FLUX, or one built like it',
      (i: number) => `transformer.single_transformer_blocks.${i}.attn.to_q.lora_A.weight`,
    ],
    [
      'Stable Diffusion 3',
      (i: number) => `transformer.transformer_blocks.${i}.attn.add_k_proj.lora_A.weight`,
    ],
    ['Stable Diffusion 3', (i: number) => `lora_unet_joint_blocks_${i}_x_block_attn_qkv.lora_down.weight`],
    ['Qwen-Image', (i: number) => `transformer.transformer_blocks.${i}.img_mlp.net.2.lora_A.weight`],
    [
      'a diffusion transformer (Wan, PixArt, …)',
      (i: number) => `diffusion_model.blocks.${i}.self_attn.q.lora_A.weight`,
    ],
    ['a language model', (i: number) => `base_model.model.model.layers.${i}.self_attn.q_proj.lora_A.weight`],
  ])('%s, told by its keys', async (family, keyOf) => {
    const error = await refusal(many(keyOf), version1);
    expect(error.code).toBe('adapter/other-family');
    expect(error.got).toContain(`adapters for ${family} (the key `);
    expect(error.expected).toContain(
      'Stable Diffusion 1.x with text states 768 wide and attention 320 to 1280 wide',
    );
  });

  it('told by keys of which some fit', async () => {
    const shapes = { ...adaptersOf(version1), ...many((i) => `lora_te2_text_model_${i}.lora_down.weight`) };
    expect(await refusal(shapes, version1)).toMatchObject({ code: 'adapter/other-family' });
  });
});

describe('a model of another size', () => {
  it('Stable Diffusion 1.5 on a small one', async () => {
    const error = await refusal(adaptersOf(version1), small, {
      ss_base_model_version: 'sd_v1',
      ss_sd_model_name: 'v1-5-pruned.safetensors',
    });
    expect(error).toMatchObject({
      code: 'adapter/other-model',
      expected: 'adapters for a model with text states 32 wide and attention 32 to 64 wide',
      got: 'adapters for Stable Diffusion 1.x (text states 768 wide; ss_base_model_version sd_v1)',
      hint: 'use the model they were trained on: v1-5-pruned.safetensors',
    });
  });

  it('Stable Diffusion 2.x on 1.x, where most layers fit', async () => {
    const error = await refusal(adaptersOf(version2), version1);
    expect(error).toMatchObject({ code: 'adapter/other-model' });
    expect(error.got).toBe('adapters for Stable Diffusion 2.x (text states 1024 wide)');
  });

  it('a small one on Stable Diffusion 1.5, whatever version its header claims', async () => {
    const likeness = JSON.stringify({ pretrainedModel: 'doodle' });
    const error = await refusal(adaptersOf(small), version1, { ss_base_model_version: 'sd_v1', likeness });
    expect(error).toMatchObject({
      code: 'adapter/other-model',
      hint: expect.stringContaining('doodle') as string,
    });
    expect(error.got).not.toContain('Stable Diffusion');
  });
});

describe('this model', () => {
  it('with single tensors that do not fit: they are named', async () => {
    const [query = '', down = ''] = Object.keys(adaptersOf(small)).map((key) => key);
    expect(query).toMatch(/alpha$/);
    const error = await refusal({ ...adaptersOf(small), [down]: [RANK, 33] }, small, {
      ss_base_model_version: 'sd_v1',
    });
    expect(error).toMatchObject({ code: 'adapter/does-not-fit' });
    expect(error.details).toEqual([expect.stringContaining('down is [2,33] on a weight [32,32]')]);
  });

  it('with keys that it does not have: the first of them', async () => {
    const more = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`lora_unet_nowhere_${i}.lora_down.weight`, [2, 2]]),
    );
    const error = await refusal({ ...adaptersOf(small), ...more }, small);
    expect(error).toMatchObject({ code: 'adapter/unknown-keys' });
    expect(error.details).toHaveLength(5);
    expect(error.details.at(-1)).toBe('… and 26 more');
  });

  it('with a part twice', async () => {
    const path = small[0]?.path ?? '';
    const twice = { ...adaptersOf(small), [`unet.${path}.lora_A.weight`]: [RANK, 32] };
    expect(await refusal(twice, small)).toMatchObject({ code: 'adapter/double-key' });
  });
});

it('refuses a folder with two files for the same layers, which would count twice', async () => {
  for (const name of ['pytorch_lora_weights', 'lora'])
    await writeSafetensors(
      join(folder, `${name}.safetensors`),
      Object.entries(adaptersOf(small)).map(([key, shape]) => ({
        name: key,
        dtype: 'F16' as const,
        shape,
        data: () => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1),
      })),
    );
  await expect(openAdapters(folder, small)).rejects.toMatchObject({ code: 'adapter/several-files' });
});

describe('no adapters that are read', () => {
  it.each([
    ['OFT or BOFT', 'oft_blocks'],
    ['whole changes of weights (LyCORIS full)', 'diff'],
    ['changes of norm layers', 'w_norm'],
    ['GLoRA', 'a1.weight'],
    ['AdaLoRA', 'lora_E'],
  ])('%s is named', async (kind, part) => {
    const [alpha = ''] = Object.keys(adaptersOf(small));
    const error = await refusal({ [alpha.replace(/alpha$/, part)]: [4, 4] }, small);
    expect(error.code).toBe('adapter/unknown-kind');
    expect(error.details[0]).toContain(kind);
  });

  it('a model, an embedding and anything else are told apart', async () => {
    const kindOf = async (shapes: Shapes): Promise<unknown> => {
      const { code, got } = await refusal(shapes, small);
      return [code, got];
    };
    expect(await kindOf({ 'model.diffusion_model.out.0.weight': [4], 'first_stage_model.x': [4] })).toEqual([
      'adapter/not-adapters',
      'a model',
    ]);
    expect(await kindOf({ '<cat>': [2, 32] })).toEqual(['adapter/not-adapters', 'an embedding']);
    expect(await kindOf({ 'evil\u001b[2Jname': [2] })).toEqual([
      'adapter/not-adapters',
      String.raw`evil\u001b[2Jname [2]`,
    ]);
    expect(await refusal({}, small)).toMatchObject({ code: 'adapter/empty' });
  });
});
