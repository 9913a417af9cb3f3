// Hashes as kohya's train_util.py computes them, against a file made here byte by byte.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensorsHeader, type TensorSource } from '@likeness/core';
import { createTinyModel } from '@likeness/core/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { adaptableLayers } from '../layers.ts';
import { METHODS } from '../options.ts';
import type { WrittenAdapter } from './dialects.ts';
import { writeAdapters } from './exportAdapters.ts';
import { writeKohyaFile } from './writeKohyaFile.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lora-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

it('hashes the tensors, and 64 KiB of the file as it was without other metadata', async () => {
  const values = Float32Array.from({ length: 300_000 }, (_, i) => Math.sin(i));
  const tensor: TensorSource = {
    name: 'a.lora_up.weight',
    dtype: 'F32',
    shape: [300_000],
    data: () => values,
  };
  const path = join(folder, 'lora.safetensors');
  await writeKohyaFile(path, [tensor], { ss_seed: '7' }, (hash) => ({
    'modelspec.hash_sha256': `0x${hash}`,
  }));

  const header =
    '{"__metadata__":{"ss_seed":"7"},"a.lora_up.weight":{"dtype":"F32","shape":[300000],"data_offsets":[0,1200000]}}';
  const padded = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const data = Buffer.from(values.buffer);
  const whole = Buffer.concat([length, padded, data]);
  const { metadata } = await readSafetensorsHeader(path);
  expect(metadata['sshs_model_hash']).toBe(sha256(data));
  expect(metadata['sshs_legacy_hash']).toBe(sha256(whole.subarray(0x100000, 0x110000)).slice(0, 8));
  expect(metadata['modelspec.hash_sha256']).toBe(`0x${sha256(data)}`);
});

it('says how it was trained, and writes equal files for equal runs', async () => {
  const model = await createTinyModel(join(folder, 'model'));
  const [layer] = adaptableLayers(model);
  if (layer === undefined) throw new Error('the tiny model has layers');
  const [out = 1, ...down] = layer.shape;
  const part = (shape: number[]) => ({
    shape,
    values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
  });
  const adapter: WrittenAdapter = {
    method: METHODS.lora,
    layer,
    rank: 2,
    scale: 2,
    parts: { down: part([2, ...down]), up: part([out, 2, ...down.slice(1).map(() => 1)]) },
  };
  const config = {
    learningRate: 1e-4,
    maxTrainSteps: 500,
    seed: 0,
    resolution: 512,
    snrGamma: 5,
    noiseOffset: 0,
    prompts: { identifier: 'sks', classNoun: 'dog' },
    pluginOptions: { ppl: { numClassImages: 200, priorLossWeight: 0.5 } },
  };
  const write = (): Promise<string[]> =>
    writeAdapters(folder, [adapter], {
      model,
      format: 'kohya',
      dtype: 'fp16',
      metadata: { format: 'pt', likeness: JSON.stringify(config) },
    });
  const [path = ''] = await write();
  const first = await readFile(path);
  await write();
  expect(Buffer.compare(first, await readFile(path))).toBe(0);

  const { metadata, tensors } = await readSafetensorsHeader(path);
  expect(metadata).toMatchObject({
    ss_network_module: 'networks.lora',
    ss_network_dim: '2',
    ss_network_alpha: '4',
    ss_base_model_version: 'sd_v1',
    ss_v2: 'False',
    ss_learning_rate: '0.0001',
    ss_resolution: '(512, 512)',
    ss_min_snr_gamma: '5',
    ss_noise_offset: 'None',
    ss_num_reg_images: '200',
    ss_prior_loss_weight: '0.5',
    'modelspec.architecture': 'stable-diffusion-v1/lora',
    'modelspec.trigger_phrase': 'sks dog',
    'modelspec.resolution': '512x512',
  });
  expect([...tensors].map(([key, { dtype }]) => [key.slice(key.indexOf('.')), dtype])).toEqual([
    ['.alpha', 'F32'],
    ['.lora_down.weight', 'F16'],
    ['.lora_up.weight', 'F16'],
  ]);
});
