// Every spelling of the same adapters, read into the same form.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from '@likeness/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdaptableLayer } from '../layers.ts';
import { readAdapters } from './readAdapters.ts';
import { sgmPaths } from './sgmPaths.ts';

const block = 'down_blocks.0.attentions.0.transformer_blocks.0';
const underscored = (path: string): string => path.replaceAll('.', '_');
const layers: AdaptableLayer[] = [
  { component: 'unet', path: `${block}.attn1.to_q`, kind: 'linear', shape: [6, 4] },
  { component: 'unet', path: `${block}.attn1.to_out.0`, kind: 'linear', shape: [6, 4] },
  { component: 'unet', path: 'down_blocks.0.resnets.0.conv1', kind: 'conv2d', shape: [6, 4, 3, 3] },
  {
    component: 'text_encoder',
    path: 'text_model.encoder.layers.0.self_attn.q_proj',
    kind: 'linear',
    shape: [6, 4],
  },
];
const [query, output, , text] = layers as [AdaptableLayer, AdaptableLayer, AdaptableLayer, AdaptableLayer];
const RANK = 2;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lora-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A file of tensors filled with their place in it, plus 1. */
async function file(
  shapes: Readonly<Record<string, readonly number[]>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<string> {
  const path = join(folder, 'adapters.safetensors');
  const sources = Object.entries(shapes).map(([name, shape], i) => ({
    name,
    dtype: 'F32' as const,
    shape,
    data: () => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(i + 1),
  }));
  await writeSafetensors(path, sources, metadata);
  return path;
}

describe('one layer', () => {
  const [te, flat] = [underscored(text.path), 'encoder.layers.0.self_attn.q_proj'];
  it.each([
    [
      'PEFT',
      query,
      `base_model.model.${query.path}.lora_A.weight`,
      `base_model.model.${query.path}.lora_B.weight`,
    ],
    ['diffusers', query, `unet.${query.path}.lora_A.weight`, `unet.${query.path}.lora_B.weight`],
    ['diffusers’ writer', query, `unet.${query.path}.lora.down.weight`, `unet.${query.path}.lora.up.weight`],
    ['its to_out.0', output, `unet.${output.path}.lora.down.weight`, `unet.${output.path}.lora.up.weight`],
    [
      'diffusers’ oldest',
      query,
      `unet.${block}.attn1.processor.to_q_lora.down.weight`,
      `unet.${block}.attn1.processor.to_q_lora.up.weight`,
    ],
    [
      'its to_out',
      output,
      `${block}.attn1.processor.to_out_lora.down.weight`,
      `${block}.attn1.processor.to_out_lora.up.weight`,
    ],
    [
      'diffusers, text encoder',
      text,
      `text_encoder.${text.path}.lora_linear_layer.down.weight`,
      `text_encoder.${text.path}.lora_linear_layer.up.weight`,
    ],
    ['its flat names', text, `text_encoder.${flat}.lora_A.weight`, `text_encoder.${flat}.lora_B.weight`],
    [
      'kohya',
      query,
      `lora_unet_${underscored(query.path)}.lora_down.weight`,
      `lora_unet_${underscored(query.path)}.lora_up.weight`,
    ],
    [
      'diffusers’ kohya, of keys without the component',
      query,
      `${underscored(query.path)}.lora_down.weight`,
      `${underscored(query.path)}.lora_up.weight`,
    ],
    ['kohya, text encoder', text, `lora_te_${te}.lora_down.weight`, `lora_te_${te}.lora_up.weight`],
    ['diffusers’ kohya', text, `lora_te1_${te}.lora_down.weight`, `lora_te1_${te}.lora_up.weight`],
    [
      'kohya, original names',
      query,
      'lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_down.weight',
      'lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_up.weight',
    ],
    [
      'SimpleTuner',
      query,
      `lycoris_${underscored(query.path)}.lora_down.weight`,
      `lycoris_${underscored(query.path)}.lora_up.weight`,
    ],
    ['without weight', query, `unet.${query.path}.lora_A`, `unet.${query.path}.lora_B`],
  ] as const)('in %s', async (_, layer, down, up) => {
    const { adapters } = await readAdapters(await file({ [down]: [RANK, 4], [up]: [6, RANK] }), layers);
    expect(adapters).toHaveLength(1);
    expect(adapters[0]).toMatchObject({ layer, scale: 1, method: { name: 'lora' } });
    expect(adapters[0]?.parts['down']?.values[0]).toBe(1);
    expect(adapters[0]?.parts['up']?.values[0]).toBe(2);
  });
});

describe('numbered modules', () => {
  const names = [
    'attn1.to_q',
    'attn1.to_k',
    'attn1.to_v',
    'attn1.to_out.0',
    'attn2.to_q',
    'attn2.to_k',
    'attn2.to_v',
    'attn2.to_out.0',
  ];
  const unet = (side: string): AdaptableLayer[] => [
    ...names.map((name): AdaptableLayer => ({
      component: 'unet',
      path: `${side}.attentions.0.transformer_blocks.0.${name}`,
      kind: 'linear',
      shape: [4, 4],
    })),
    {
      component: 'unet',
      path: `${side}.attentions.0.transformer_blocks.0.ff.net.0.proj`,
      kind: 'linear',
      shape: [32, 4],
    },
  ];
  // In the order of use the middle comes second; torch finds it last.
  const all = [...unet('down_blocks.0'), ...unet('mid_block'), ...unet('up_blocks.0')];

  it.each([
    ['today', 8],
    ['2022', 4],
  ])('are told apart by their shapes: classes of %s', async (_, feedForward) => {
    const shapes = Object.fromEntries(
      Array.from({ length: 27 }, (_unused, i) => [
        [`unet:${i}:up`, [i % 9 === feedForward ? 32 : 4, RANK]],
        [`unet:${i}:down`, [RANK, 4]],
      ]).flat(),
    ) as Record<string, number[]>;
    const { adapters } = await readAdapters(await file(shapes), all);
    const placeOf = (i: number): string | undefined =>
      adapters.find(({ parts }) => parts['up']?.values[0] === 2 * i + 1)?.layer.path;
    expect(placeOf(0)).toMatch(/^down_blocks.*attn1.to_q$/);
    expect(placeOf(feedForward)).toMatch(/^down_blocks.*proj$/);
    expect(placeOf(9)).toMatch(/^up_blocks.*attn1.to_q$/);
    expect(placeOf(26 - (feedForward === 8 ? 1 : 0))).toMatch(/^mid_block.*attn2.to_out.0$/);
  });
});

it('reads DoRA of diffusers’ kohya converter, which leaves a dot in the path', async () => {
  const half = (path: string): string => path.replace(/\.(?=.*\.)/g, '_');
  const names = [
    ...[query, output].map(({ path }) => [underscored(path), half(path), 'lora_unet_'] as const),
    [
      underscored('encoder.layers.0.self_attn.q_proj'),
      half('encoder.layers.0.self_attn.q_proj'),
      'lora_te1_',
    ],
  ] as const;
  const shapes = names.flatMap(([module, magnitude, prefix]): [string, number[]][] => [
    [`${prefix}${module}.lora_down.weight`, [RANK, 4]],
    [`${prefix}${module}.lora_up.weight`, [6, RANK]],
    [`${prefix}${magnitude}.lora_magnitude_vector`, [6]],
  ]);
  expect(shapes[2]?.[0]).toBe(
    'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1.to_q.lora_magnitude_vector',
  );
  expect(shapes[5]?.[0]).toMatch(/_attn1_to_out\.0\.lora_magnitude_vector$/);
  const { adapters } = await readAdapters(await file(Object.fromEntries(shapes)), layers);
  expect(adapters.map(({ layer, magnitude }) => [layer, magnitude?.values[0], magnitude?.axis])).toEqual([
    [query, 3, 'out'],
    [output, 6, 'out'],
    [text, 9, 'out'],
  ]);
});

it('reads LyCORIS: LoHa, LoKr, a kernel in the middle, DoRA on either axis', async () => {
  const modules = layers.map(
    ({ component, path }) => `${component === 'unet' ? 'lora_unet' : 'lora_te'}_${underscored(path)}`,
  );
  const [loha = '', lokr = '', mid = '', dora = ''] = modules;
  const { adapters } = await readAdapters(
    await file({
      [`${loha}.alpha`]: [],
      [`${loha}.hada_w1_a`]: [6, RANK],
      [`${loha}.hada_w1_b`]: [RANK, 4],
      [`${loha}.hada_w2_a`]: [6, RANK],
      [`${loha}.hada_w2_b`]: [RANK, 4],
      [`${loha}.dora_scale`]: [6, 1],
      [`${lokr}.lokr_w1`]: [2, 2],
      [`${lokr}.lokr_w2`]: [3, 2],
      [`${lokr}.alpha`]: [],
      [`${mid}.lora_down.weight`]: [RANK, 4, 1, 1],
      [`${mid}.lora_mid.weight`]: [RANK, RANK, 3, 3],
      [`${mid}.lora_up.weight`]: [6, RANK, 1, 1],
      [`${dora}.lora_down.weight`]: [RANK, 4],
      [`${dora}.lora_up.weight`]: [6, RANK],
      [`${dora}.dora_scale`]: [1, 4],
    }),
    layers,
  );
  const kinds = adapters.map(({ method, scale, magnitude }) => [method.name, scale, magnitude?.axis]);
  // Alpha is a tensor like the others here: its place in the file, plus 1. LoKr of two whole factors has no rank.
  expect(kinds).toEqual([
    ['loha', 1 / RANK, 'out'],
    ['lokr', 1, undefined],
    ['lora', 1, undefined],
    ['lora', 1, 'in'],
  ]);
});

it('knows the original names of all layers: against the key map of a converted checkpoint', async () => {
  const fixture = join(import.meta.dirname, '../../../../fixtures/ldm-checkpoint/ldm-checkpoint.json');
  const { key_map: keyMap } = JSON.parse(await readFile(fixture, 'utf8')) as {
    key_map: Record<string, string>;
  };
  const pairs = Object.entries(keyMap)
    .filter(([, ours]) => ours.startsWith('unet.') && ours.endsWith('.weight') && !/norm/.test(ours))
    .map(([theirs, ours]) => [
      ours.slice('unet.'.length, -'.weight'.length),
      theirs.slice('model.diffusion_model.'.length, -'.weight'.length),
    ]);
  const known = pairs.map(([path = '']): AdaptableLayer => ({
    component: 'unet',
    path,
    kind: 'linear',
    shape: [1, 1],
  }));
  expect(pairs.length).toBeGreaterThan(50);
  expect([...sgmPaths(known)]).toEqual(pairs);
});
