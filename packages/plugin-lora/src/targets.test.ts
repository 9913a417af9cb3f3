import { describe, expect, it } from 'vitest';
import type { AdaptableLayer } from './layers.ts';
import { patternValue } from './options.ts';
import { matchesPattern, selectLayers } from './targets.ts';

const block = 'up_blocks.1.attentions.0.transformer_blocks.0';
const layer = (component: AdaptableLayer['component'], path: string, ...shape: number[]): AdaptableLayer => ({
  component,
  path,
  kind: shape.length === 4 ? 'conv2d' : 'linear',
  shape,
});
const layers = [
  layer('unet', 'conv_in', 8, 4, 3, 3),
  layer('unet', 'up_blocks.1.attentions.0.proj_in', 8, 8, 1, 1),
  layer('unet', `${block}.attn1.to_q`, 8, 8),
  layer('unet', `${block}.attn2.to_out.0`, 8, 8),
  layer('unet', `${block}.ff.net.0.proj`, 64, 8),
  layer('text_encoder', 'text_model.encoder.layers.0.self_attn.q_proj', 8, 8),
  layer('text_encoder', 'text_model.encoder.layers.0.mlp.fc1', 8, 8),
];
const chosen = (component: AdaptableLayer['component'], ...targets: string[]): string[] =>
  selectLayers(layers, component, targets, 'targets').map(({ path }) => path);

describe('matchesPattern', () => {
  it.each([
    [`${block}.attn1.to_q`, 'to_q', true],
    [`${block}.attn1.to_q`, 'attn1.to_q', true],
    [`${block}.attn1.to_q`, `${block}.attn1.to_q`, true],
    [`${block}.attn1.add_to_q`, 'to_q', false],
    [`${block}.attn1.to_q`, '**.to_*', true],
    [`${block}.attn1.to_q`, 'up_blocks.*', false], // one star stops at a dot
    [`${block}.attn1.to_q`, 'up_blocks.**', true],
    [`${block}.attn1.to_q`, 'up_blocks.1.**.attn?.to_q', false], // only stars are special
    ['conv_in', 'conv_*', true],
  ])('%s under %s: %s', (path, pattern, expected) => {
    expect(matchesPattern(path, pattern)).toBe(expected);
  });
});

describe('selectLayers', () => {
  it('knows presets of both components', () => {
    expect(chosen('unet', 'attn')).toEqual([`${block}.attn1.to_q`, `${block}.attn2.to_out.0`]);
    expect(chosen('unet', 'attn-mlp')).toHaveLength(4);
    expect(chosen('unet', 'full')).toHaveLength(5);
    expect(chosen('text_encoder', 'attn')).toEqual(['text_model.encoder.layers.0.self_attn.q_proj']);
    expect(chosen('text_encoder', 'attn-mlp')).toHaveLength(2);
  });

  it('joins targets, and names those that mean nothing', () => {
    expect(chosen('unet', 'to_q', 'conv_*')).toEqual(['conv_in', `${block}.attn1.to_q`]);
    expect(() => chosen('unet', 'to_q', 'q_proj', 'down_blocks.**')).toThrow(/q_proj, down_blocks\.\*\*/);
  });
});

it('takes the value of the last pattern that fits', () => {
  const patterns = ['up_blocks.**=8', 'attn1.to_q=2'];
  expect(patternValue(patterns, `${block}.attn1.to_q`)).toBe(2);
  expect(patternValue(patterns, `${block}.ff.net.0.proj`)).toBe(8);
  expect(patternValue(patterns, 'conv_in')).toBeUndefined();
});
