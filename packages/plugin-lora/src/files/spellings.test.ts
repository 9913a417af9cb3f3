// Every spelling of the same adapters, read into the same form.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
const [query, output, conv, text] = layers as [
  AdaptableLayer,
  AdaptableLayer,
  AdaptableLayer,
  AdaptableLayer,
];
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

describe('alpha', () => {
  const [down, up] = [`unet.${query.path}.lora_A.weight`, `unet.${query.path}.lora_B.weight`];
  const pair = { [down]: [RANK, 4], [up]: [6, RANK] };
  const scaleOf = async (path: string): Promise<number | undefined> =>
    (await readAdapters(path, layers)).adapters[0]?.scale;

  it('stands beside the tensors in kohya’s files', async () => {
    const module = `lora_unet_${underscored(conv.path)}`;
    const path = await file({
      [`${module}.alpha`]: [],
      [`${module}.lora_down.weight`]: [RANK, 4, 3, 3],
      [`${module}.lora_up.weight`]: [6, RANK, 1, 1],
    });
    expect(await scaleOf(path)).toBe(1 / RANK);
  });

  it('stands in the header of diffusers’ files, for some modules apart', async () => {
    const settings = { 'unet.r': 4, 'unet.lora_alpha': 4, 'unet.alpha_pattern': { 'attn1.to_q': 8 } };
    expect(await scaleOf(await file(pair, { lora_adapter_metadata: JSON.stringify(settings) }))).toBe(4);
    const root = { 'unet.r': RANK, 'unet.lora_alpha': 4, 'unet.use_rslora': true };
    expect(await scaleOf(await file(pair, { lora_adapter_metadata: JSON.stringify(root) }))).toBeCloseTo(
      4 / Math.SQRT2,
    );
  });

  it('stands in adapter_config.json beside PEFT’s files', async () => {
    const path = await file(pair);
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ r: RANK, lora_alpha: 6 }));
    expect(await scaleOf(path)).toBe(3);
  });
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

it('lists every key that is no adapter of the model, and every tensor that does not fit', async () => {
  const strangers = await file({
    [`unet.${query.path}.lora_A.weight`]: [RANK, 4],
    'lora_te2_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight': [RANK, 4],
    [`lora_unet_${underscored(query.path)}.oft_blocks`]: [1],
    'bundle_emb.sks.clip_l': [1, 4],
    'bundle_emb.sks.clip_g': [1, 4],
  });
  const error: unknown = await readAdapters(strangers, layers).catch((reason: unknown) => reason);
  expect(String(error)).toContain(
    'lora_te2_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight [2,4]',
  );
  expect(String(error)).toContain('oft_blocks');
  expect(String(error)).toContain('bundle_emb.sks.clip_g');
  expect(String(error)).not.toContain('bundle_emb.sks.clip_l');
  const misfits = await file({
    [`unet.${query.path}.lora_A.weight`]: [RANK, 5],
    [`unet.${query.path}.lora_B.weight`]: [6, RANK],
    [`unet.${output.path}.lora_A.weight`]: [RANK, 4],
  });
  await expect(readAdapters(misfits, layers)).rejects.toThrow(
    /down is \[2,5\][^]*to_out\.0: has a way down only/,
  );
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
