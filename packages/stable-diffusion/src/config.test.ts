import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseClipTextConfig } from './clipConfig.ts';
import { parseUNetConfig } from './unetConfig.ts';
import { parseVaeConfig } from './vaeConfig.ts';

const fixture = (component: string): Record<string, unknown> =>
  JSON.parse(
    readFileSync(join(import.meta.dirname, '../../../fixtures/tiny-sd1', component, 'config.json'), 'utf8'),
  ) as Record<string, unknown>;

describe('parseUNetConfig', () => {
  it('makes a table of blocks, the way up mirroring the way down', () => {
    const { down, mid, up } = parseUNetConfig(fixture('unet'));
    expect(down.map(({ channels, resnets, resample }) => [channels, resnets, resample])).toEqual([
      [32, 1, true],
      [64, 1, false],
    ]);
    expect(down.map(({ attention }) => attention?.heads)).toEqual([8, undefined]);
    expect(mid?.attention?.depths).toEqual([1]);
    expect(up.map(({ channels, resnets }) => [channels, resnets])).toEqual([
      [64, 2],
      [32, 2],
    ]);
    expect(up.map(({ attention }) => attention?.depths)).toEqual([undefined, [1, 1]]);
  });

  it('spreads SD 2.x lists over the levels', () => {
    const config = parseUNetConfig({
      attention_head_dim: [5, 10, 20, 20],
      cross_attention_dim: 1024,
      use_linear_projection: true,
      layers_per_block: [1, 2, 2, 2],
      transformer_layers_per_block: [1, 2, 1, 1],
      only_cross_attention: [true, false, false, false],
    });
    expect(config.down.map(({ attention }) => attention?.heads)).toEqual([5, 10, 20, undefined]);
    expect(config.up.map(({ attention }) => attention?.heads)).toEqual([undefined, 20, 10, 5]);
    expect(config.up.map(({ resnets }) => resnets)).toEqual([3, 3, 3, 2]);
    expect(config.up[2]?.attention?.depths).toEqual([2, 2, 2]);
    expect(config.up[3]?.attention?.onlyCrossAttention).toBe(true);
    expect(config.linearProjections).toBe(true);
  });

  it('takes diffusers’ defaults for fields that are left out', () => {
    const config = parseUNetConfig({});
    expect(config.down.map(({ channels }) => channels)).toEqual([320, 640, 1280, 1280]);
    expect(config.time).toEqual({ channels: 320, width: 1280, cosFirst: true, freqShift: 0 });
  });

  it('refuses every field it cannot honour, in one message', () => {
    const refused = {
      ...fixture('unet'),
      class_embed_type: 'timestep',
      addition_embed_type: 'text_time',
      down_block_types: ['CrossAttnDownBlock2D', 'AttnDownBlock2D'],
      dropout: 0.1,
      brand_new_field: 7,
    };
    expect(() => parseUNetConfig(refused, 'unet/config.json')).toThrowErrorMatchingInlineSnapshot(`
      [WeightsError: unet/config.json: asks for something this implementation does not have
        - down_block_types.1: got "AttnDownBlock2D", allowed: "CrossAttnDownBlock2D" or "DownBlock2D"
        - dropout: got 0.1, allowed: 0
        - class_embed_type: got "timestep", allowed: null
        - addition_embed_type: got "text_time", allowed: null
        - brand_new_field: got 7, allowed: no such field
        hint: use a Stable Diffusion 1.x or 2.x model; every other field of the file is understood]
    `);
  });

  it('refuses lists of the wrong length and sizes that do not divide', () => {
    const config = {
      ...fixture('unet'),
      attention_head_dim: [3, 8],
      layers_per_block: [1, 1, 1],
      norm_num_groups: 48,
    };
    expect(() => parseUNetConfig(config)).toThrow(
      /layers_per_block: got \[1,1,1\], allowed: 2 entries[\s\S]*norm_num_groups: got 48[\s\S]*attention_head_dim: got \[3,8\], allowed: a divisor of 32/,
    );
  });
});

describe('parseVaeConfig', () => {
  it('reads the fixture and honours what newer files add', () => {
    expect(parseVaeConfig(fixture('vae'))).toMatchObject({
      latentChannels: 4,
      channels: [32, 64],
      shiftFactor: 0,
    });
    expect(
      parseVaeConfig({ ...fixture('vae'), shift_factor: 0.1, mid_block_add_attention: false }),
    ).toMatchObject({
      shiftFactor: 0.1,
      midAttention: false,
    });
  });

  it('refuses what would change latents without being applied', () => {
    expect(() => parseVaeConfig({ ...fixture('vae'), latents_mean: [0, 0, 0, 0] })).toThrow(/latents_mean/);
  });
});

describe('parseClipTextConfig', () => {
  it('reads the fixture; training-time fields do not matter', () => {
    expect(parseClipTextConfig({ ...fixture('text_encoder'), torch_dtype: 'float16' })).toMatchObject({
      hiddenSize: 32,
      layers: 3,
      activation: 'quick_gelu',
    });
  });

  it('refuses another activation', () => {
    expect(() => parseClipTextConfig({ hidden_act: 'gelu_new' })).toThrow(
      /hidden_act: got "gelu_new", allowed: "quick_gelu" or "gelu"/,
    );
  });
});
