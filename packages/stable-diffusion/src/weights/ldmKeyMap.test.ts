import { describe, expect, test } from 'vitest';
import { ldmKeyMap } from './ldmKeyMap.ts';

const SD15 = {
  unet: {
    layers_per_block: 2,
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  },
  vae: { layers_per_block: 2, block_out_channels: [128, 256, 512, 512] },
  textLayout: 'transformers',
} as const;

// as published in v1-5-pruned-emaonly.safetensors and its diffusers folder
const UNET = [
  ['time_embedding.linear_2.bias', 'time_embed.2.bias'],
  ['conv_in.weight', 'input_blocks.0.0.weight'],
  ['down_blocks.0.attentions.1.proj_in.weight', 'input_blocks.2.1.proj_in.weight'],
  ['down_blocks.0.downsamplers.0.conv.weight', 'input_blocks.3.0.op.weight'],
  ['down_blocks.1.resnets.0.conv_shortcut.weight', 'input_blocks.4.0.skip_connection.weight'],
  ['down_blocks.3.resnets.1.time_emb_proj.bias', 'input_blocks.11.0.emb_layers.1.bias'],
  ['mid_block.resnets.1.norm2.weight', 'middle_block.2.out_layers.0.weight'],
  ['mid_block.attentions.0.norm.weight', 'middle_block.1.norm.weight'],
  ['up_blocks.0.upsamplers.0.conv.weight', 'output_blocks.2.1.conv.weight'],
  ['up_blocks.1.upsamplers.0.conv.weight', 'output_blocks.5.2.conv.weight'],
  ['up_blocks.3.resnets.2.conv_shortcut.weight', 'output_blocks.11.0.skip_connection.weight'],
  [
    'up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_out.0.bias',
    'output_blocks.11.1.transformer_blocks.0.attn1.to_out.0.bias',
  ],
  ['conv_norm_out.weight', 'out.0.weight'],
  ['conv_out.bias', 'out.2.bias'],
] as const;
const VAE = [
  ['encoder.down_blocks.2.downsamplers.0.conv.weight', 'encoder.down.2.downsample.conv.weight'],
  ['encoder.down_blocks.1.resnets.0.conv_shortcut.bias', 'encoder.down.1.block.0.nin_shortcut.bias'],
  ['encoder.mid_block.attentions.0.group_norm.weight', 'encoder.mid.attn_1.norm.weight'],
  ['decoder.mid_block.attentions.0.to_out.0.weight', 'decoder.mid.attn_1.proj_out.weight'],
  ['decoder.mid_block.resnets.1.conv1.weight', 'decoder.mid.block_2.conv1.weight'],
  ['decoder.up_blocks.0.resnets.2.norm1.weight', 'decoder.up.3.block.2.norm1.weight'],
  ['decoder.up_blocks.2.upsamplers.0.conv.bias', 'decoder.up.1.upsample.conv.bias'],
  ['decoder.conv_norm_out.bias', 'decoder.norm_out.bias'],
  ['post_quant_conv.weight', 'post_quant_conv.weight'],
] as const;

describe("SD 1.5's names", () => {
  const map = ldmKeyMap(SD15);

  test.each(UNET)('unet %s', (key, ldm) => {
    expect(map.toLdm({ component: 'unet', key })).toEqual({
      name: `model.diffusion_model.${ldm}`,
      part: 0,
      parts: 1,
    });
    expect(map.fromLdm(`model.diffusion_model.${ldm}`)).toEqual([{ component: 'unet', key }]);
  });

  test.each(VAE)('vae %s', (key, ldm) => {
    expect(map.toLdm({ component: 'vae', key })?.name).toBe(`first_stage_model.${ldm}`);
    expect(map.fromLdm(`first_stage_model.${ldm}`)).toEqual([{ component: 'vae', key }]);
  });

  test('text encoder: a prefix', () => {
    const key = 'text_model.encoder.layers.0.self_attn.q_proj.weight';
    expect(map.toLdm({ component: 'text_encoder', key })?.name).toBe(`cond_stage_model.transformer.${key}`);
    expect(map.fromLdm(`cond_stage_model.transformer.${key}`)).toEqual([{ component: 'text_encoder', key }]);
  });

  test('names outside the map', () => {
    expect(map.fromLdm('model.diffusion_model.input_blocks.12.0.in_layers.0.weight')).toBeUndefined();
    expect(map.fromLdm('model_ema.diffusion_modelinput_blocks00weight')).toBeUndefined();
    expect(map.fromLdm('betas')).toBeUndefined();
    expect(map.toLdm({ component: 'unet', key: 'down_blocks.4.resnets.0.norm1.weight' })).toBeUndefined();
  });
});

test('layers per block as a list, from the top level down', () => {
  const map = ldmKeyMap({
    ...SD15,
    unet: { layers_per_block: [1, 3], up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'] },
  });
  const name = (key: string): string | undefined =>
    map.toLdm({ component: 'unet', key })?.name.replace('model.diffusion_model.', '');
  expect(name('down_blocks.0.downsamplers.0.conv.weight')).toBe('input_blocks.2.0.op.weight');
  expect(name('down_blocks.1.resnets.2.norm1.weight')).toBe('input_blocks.5.0.in_layers.0.weight');
  expect(name('up_blocks.0.upsamplers.0.conv.weight')).toBe('output_blocks.3.2.conv.weight');
  expect(name('up_blocks.1.resnets.1.norm1.weight')).toBe('output_blocks.5.0.in_layers.0.weight');
});

test("SD 2.x: OpenCLIP's names, q, k and v in one tensor", () => {
  const map = ldmKeyMap({ ...SD15, textLayout: 'openClip' });
  const layer = 'text_model.encoder.layers.22.';
  const block = 'cond_stage_model.model.transformer.resblocks.22.';
  const toLdm = (key: string): unknown => map.toLdm({ component: 'text_encoder', key });
  expect(toLdm(`${layer}self_attn.v_proj.bias`)).toEqual({
    name: `${block}attn.in_proj_bias`,
    part: 2,
    parts: 3,
  });
  expect(map.fromLdm(`${block}attn.in_proj_weight`)).toEqual(
    ['q', 'k', 'v'].map((part) => ({
      component: 'text_encoder',
      key: `${layer}self_attn.${part}_proj.weight`,
    })),
  );
  for (const [key, ldm] of [
    [`${layer}mlp.fc2.weight`, `${block}mlp.c_proj.weight`],
    [`${layer}self_attn.out_proj.bias`, `${block}attn.out_proj.bias`],
    [`${layer}layer_norm2.bias`, `${block}ln_2.bias`],
    ['text_model.embeddings.position_embedding.weight', 'cond_stage_model.model.positional_embedding'],
    ['text_model.embeddings.token_embedding.weight', 'cond_stage_model.model.token_embedding.weight'],
    ['text_model.final_layer_norm.weight', 'cond_stage_model.model.ln_final.weight'],
  ] as const) {
    expect(toLdm(key)).toEqual({ name: ldm, part: 0, parts: 1 });
    expect(map.fromLdm(ldm)).toEqual([{ component: 'text_encoder', key }]);
  }
  expect(map.fromLdm('cond_stage_model.model.logit_scale')).toBeUndefined();
  expect(map.fromLdm('cond_stage_model.model.text_projection')).toBeUndefined();
});

test('a config without the fields is refused by name', () => {
  expect(() => ldmKeyMap({ ...SD15, unet: { layers_per_block: 2 } })).toThrow(
    /config.json of unet[^]*up_block_types/,
  );
});
