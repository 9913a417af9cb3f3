// How strongly adapters act: alpha beside the tensors, in a header, in a file beside it, in any number type.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LikenessError, writeSafetensors, type TensorSource } from '@likeness/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdaptableLayer } from '../layers.ts';
import { readAdapters, type StoredAdapter } from './readAdapters.ts';

const path = 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
const query: AdaptableLayer = { component: 'unet', path, kind: 'linear', shape: [6, 4] };
const key: AdaptableLayer = { ...query, path: path.replace('to_q', 'to_k') };
const text: AdaptableLayer = {
  component: 'text_encoder',
  path: 'text_model.encoder.layers.0.self_attn.q_proj',
  kind: 'linear',
  shape: [6, 4],
};
const layers = [query, key, text];
const RANK = 2;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-alpha-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type Numbers = readonly [dtype: TensorSource['dtype'], data: ArrayBufferView, shape?: readonly number[]];

async function file(
  tensors: Readonly<Record<string, Numbers>>,
  metadata: Readonly<Record<string, string>> = {},
  name = 'adapters.safetensors',
): Promise<string> {
  const place = join(folder, name);
  const sources = Object.entries(tensors).map(([tensor, [dtype, data, shape = []]]) => ({
    name: tensor,
    dtype,
    shape,
    data: () => data,
  }));
  await writeSafetensors(place, sources, metadata);
  return place;
}

const ones = (count: number): Float32Array => new Float32Array(count).fill(1);

/** LoRA of a layer, of keys `MODULE.lora_A.weight` and `MODULE.lora_B.weight`. */
const pair = (module: string): Record<string, Numbers> => ({
  [`${module}.lora_A.weight`]: ['F32', ones(RANK * 4), [RANK, 4]],
  [`${module}.lora_B.weight`]: ['F32', ones(6 * RANK), [6, RANK]],
});

async function scales(place: string): Promise<Record<string, number>> {
  const { adapters } = await readAdapters(place, layers);
  return Object.fromEntries(adapters.map(({ layer, scale }) => [layer.path.split('.').at(-1) ?? '', scale]));
}

async function refusal(place: string): Promise<LikenessError> {
  const error: unknown = await readAdapters(place, layers).catch((reason: unknown) => reason);
  if (error instanceof LikenessError) return error;
  throw new Error(`not refused with an error of ours: ${String(error)}`);
}

describe('in the header', () => {
  const of = (settings: unknown): Record<string, string> => ({
    lora_adapter_metadata: JSON.stringify(settings),
  });

  it('for each component, as diffusers’ pipelines write it', async () => {
    const settings = { 'unet.r': 4, 'unet.lora_alpha': 4, 'unet.alpha_pattern': { 'attn1.to_q': 8 } };
    const place = await file({ ...pair(`unet.${path}`), ...pair(`text_encoder.${text.path}`) }, of(settings));
    // What says nothing of a component leaves it at alpha = rank, as in diffusers.
    expect(await scales(place)).toEqual({ to_q: 4, q_proj: 1 });
  });

  it('without a component, as save_lora_adapter writes it: alpha, patterns and rsLoRA', async () => {
    const settings = { r: 4, lora_alpha: 8, alpha_pattern: { to_k: 3 }, rank_pattern: {}, use_rslora: false };
    const tensors = { ...pair(path), ...pair(key.path) };
    expect(await scales(await file(tensors, of(settings)))).toEqual({ to_q: 8 / RANK, to_k: 3 / RANK });
    const root = { ...settings, use_rslora: true };
    expect(await scales(await file(tensors, of(root)))).toEqual({
      to_q: 8 / Math.SQRT2,
      to_k: 3 / Math.SQRT2,
    });
  });

  it('without a component and with it: each for its own', async () => {
    const settings = { 'unet.r': 2, 'unet.lora_alpha': 4, r: 2, lora_alpha: 6 };
    const place = await file({ ...pair(`unet.${path}`), ...pair(`text_encoder.${text.path}`) }, of(settings));
    expect(await scales(place)).toEqual({ to_q: 2, q_proj: 3 });
  });

  it('without a component over keys that have one', async () => {
    const place = await file(pair(`unet.${path}`), of({ r: 2, lora_alpha: 5 }));
    expect(await scales(place)).toEqual({ to_q: 2.5 });
  });

  it('for other components only: refused, since alpha would be lost', async () => {
    const error = await refusal(
      await file(pair(path), of({ 'transformer.r': 2, 'transformer.lora_alpha': 4 })),
    );
    expect(error).toMatchObject({
      code: 'adapter/damaged-settings',
      got: 'transformer.r',
    });
  });

  it('left out: the defaults of PEFT, alpha 8', async () => {
    expect(await scales(await file(pair(path), of({ 'unet.r': 2 })))).toEqual({ to_q: 4 });
  });

  it.each([
    ['no JSON', '{not json', 'json/damaged'],
    ['a list', '[]', 'adapter/damaged-settings'],
    ['null', 'null', 'adapter/damaged-settings'],
    ['r null', '{"unet.r": null, "unet.lora_alpha": 4}', 'adapter/damaged-settings'],
    ['r 0', '{"r": 0}', 'adapter/damaged-settings'],
    ['alpha a text', '{"lora_alpha": "4"}', 'adapter/damaged-settings'],
    ['a pattern that is no expression', '{"r": 2, "alpha_pattern": {"(": 1}}', 'adapter/damaged-settings'],
    ['a pattern without end', '{"r": 2, "alpha_pattern": {"(a+)+b": 1}}', 'adapter/damaged-settings'],
  ])('damaged, %s: refused with the file’s name', async (_, header, code) => {
    const place = await file(pair(path), { lora_adapter_metadata: header });
    const error = await refusal(place);
    expect(error.code).toBe(code);
    expect(error.where).toContain(place);
  });
});

describe('in adapter_config.json', () => {
  const beside = (content: string): Promise<void> => writeFile(join(folder, 'adapter_config.json'), content);
  const peft = (): Promise<string> => file(pair(`base_model.model.${path}`), {}, 'adapter_model.safetensors');

  it('beside PEFT’s files, with or without a byte order mark', async () => {
    const place = await peft();
    await beside(JSON.stringify({ r: RANK, lora_alpha: 6 }));
    expect(await scales(place)).toEqual({ to_q: 3 });
    await beside(`\uFEFF${JSON.stringify({ r: RANK, lora_alpha: 8 })}`);
    expect(await scales(place)).toEqual({ to_q: 4 });
  });

  it('counts for files that have no alpha, and for no others', async () => {
    await beside(JSON.stringify({ r: RANK, lora_alpha: 6 }));
    expect(await scales(await file(pair(`unet.${path}`)))).toEqual({ to_q: 3 });
    await beside('{ "r": 4, ');
    const kohya = `lora_unet_${path.replaceAll('.', '_')}`;
    const own = await file({
      [`${kohya}.lora_down.weight`]: ['F32', ones(RANK * 4), [RANK, 4]],
      [`${kohya}.lora_up.weight`]: ['F32', ones(6 * RANK), [6, RANK]],
      [`${kohya}.alpha`]: ['F32', ones(1)],
    });
    expect(await scales(own)).toEqual({ to_q: 1 / RANK });
  });

  it.each([
    ['cut short', '{ "r": 4, ', 'json/damaged'],
    ['empty', '', 'json/damaged'],
    ['of other types', '{"r": "four", "lora_alpha": 4}', 'adapter/damaged-settings'],
    ['of another kind', '{"peft_type": "IA3", "feedforward_modules": []}', 'adapter/unknown-kind'],
    ['of PiSSA', '{"r": 2, "lora_alpha": 2, "init_lora_weights": "pissa_niter_4"}', 'adapter/changed-base'],
  ])('%s: refused with its name', async (_, content, code) => {
    const place = await peft();
    await beside(content);
    expect(await refusal(place)).toMatchObject({ code, where: join(folder, 'adapter_config.json') });
  });
});

describe('numbers of any type', () => {
  const module = `lora_unet_${path.replaceAll('.', '_')}`;
  const kohya = (alpha: Numbers, down: Numbers = ['F32', ones(RANK * 4), [RANK, 4]]): Promise<string> =>
    file({
      [`${module}.lora_down.weight`]: down,
      [`${module}.lora_up.weight`]: ['F32', ones(6 * RANK), [6, RANK]],
      [`${module}.alpha`]: alpha,
    });

  it.each<readonly [TensorSource['dtype'], ArrayBufferView]>([
    ['I64', BigInt64Array.of(4n)],
    ['I32', Int32Array.of(4)],
    ['I16', Int16Array.of(4)],
    ['I8', Int8Array.of(4)],
    ['U8', Uint8Array.of(4)],
    ['F64', Float64Array.of(4)],
    ['F32', Float32Array.of(4)],
    ['F16', Float32Array.of(4)],
    ['BF16', Float32Array.of(4)],
    ['F8_E4M3', Uint8Array.of(0x48)],
    ['F8_E5M2', Uint8Array.of(0x44)],
  ])('alpha in %s, as a scalar and as a list of one', async (dtype, data) => {
    expect(await scales(await kohya([dtype, data]))).toEqual({ to_q: 2 });
    expect(await scales(await kohya([dtype, data, [1]]))).toEqual({ to_q: 2 });
  });

  it('weights in float64 and in eight bits; written again as the nearest type that files have', async () => {
    const downOf = async (down: Numbers): Promise<StoredAdapter['parts'][string] | undefined> =>
      (await readAdapters(await kohya(['F32', ones(1)], down), layers)).adapters[0]?.parts['down'];
    const doubles = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 0.1);
    expect(await downOf(['F64', doubles, [RANK, 4]])).toEqual({
      shape: [RANK, 4],
      values: Float32Array.from(doubles),
      dtype: 'F32',
    });
    const eights = Uint8Array.of(0x38, 0x38, 0x38, 0x38, 0x38, 0x38, 0x38, 0x01);
    expect(await downOf(['F8_E4M3', eights, [RANK, 4]])).toEqual({
      shape: [RANK, 4],
      values: Float32Array.of(1, 1, 1, 1, 1, 1, 1, 2 ** -9),
      dtype: 'F16',
    });
  });

  it('that cannot be are refused', async () => {
    expect(await refusal(await kohya(['BOOL', Uint8Array.of(1)]))).toMatchObject({
      code: 'model/number-type',
    });
    expect(await refusal(await kohya(['F32', Float32Array.of(NaN)]))).toMatchObject({
      code: 'adapter/not-finite',
    });
    expect(await refusal(await kohya(['F32', ones(2), [2]]))).toMatchObject({ code: 'adapter/does-not-fit' });
    const spoilt: Numbers = ['F32', ones(RANK * 4).fill(Infinity, 3, 4), [RANK, 4]];
    expect(await refusal(await kohya(['F32', ones(1)], spoilt))).toMatchObject({
      code: 'adapter/not-finite',
    });
  });
});
