import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor, writeSafetensors } from '@likeness/engine';
import { afterAll, describe, expect, it } from 'vitest';
import type { DiffusionModel, ExportTarget, WeightsSource } from '../contracts.ts';
import { exportModel, exportTensors, trainedValues } from './trainedWeights.ts';

const folder = mkdtempSync(join(tmpdir(), 'likeness-export-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** In place of the engine process: each variable is one number, and so is its moving average. */
const VALUES: Readonly<Record<string, number>> = { 'unet.a': 1, 'ema.unet.a': 2, 'new.b': 3, 'ema.new.b': 4 };
const weights: WeightsSource = {
  save: (path, tensors, metadata) =>
    writeSafetensors(
      path,
      tensors.map(({ variable, key, dtype }) => ({
        name: key,
        dtype,
        shape: [1],
        data: () => Float32Array.of(VALUES[variable] ?? NaN),
      })),
      metadata,
    ),
};

const target = (averages: boolean): ExportTarget => ({
  folder,
  weights,
  options: { dtype: 'bf16', format: 'diffusers', metadata: { likeness: '{}' } },
  words: [],
  variableFor: (name) => (averages ? `ema.${name}` : name),
  model: {
    export: async (path: string, source: WeightsSource, changed: readonly string[]) => {
      await source.save(
        join(path, 'unet.safetensors'),
        [{ variable: 'unet.a', key: 'a', dtype: 'F32', layout: 'asIs' }],
        {},
      );
      return [...changed];
    },
  } as unknown as DiffusionModel,
});

async function valueIn(file: string, key: string): Promise<{ dtype: string; value: number | undefined }> {
  const entry = (await readSafetensorsHeader(join(folder, file))).tensors.get(key);
  if (entry === undefined) throw new Error(`no ${key}`);
  return { dtype: entry.dtype, value: (await readTensor(entry))[0] };
}

describe.each([false, true])('with moving averages: %s', (averages) => {
  it('writes a file of variables in the number type of the run, with its settings', async () => {
    const tensors = [{ key: 'b', variable: 'new.b' }];
    expect(await exportTensors(target(averages), 'small.safetensors', tensors)).toEqual([
      'small.safetensors',
    ]);
    expect(await valueIn('small.safetensors', 'b')).toEqual({ dtype: 'BF16', value: averages ? 4 : 3 });
    const { metadata } = await readSafetensorsHeader(join(folder, 'small.safetensors'));
    expect(metadata).toEqual({ likeness: '{}' });
  });

  it('gives values, and leaves no file of them behind', async () => {
    const tensors = [
      { key: 'a', variable: 'unet.a' },
      { key: 'b', variable: 'new.b' },
    ];
    const before = readdirSync(folder);
    expect(await trainedValues(target(averages), tensors)).toEqual(
      new Map([
        ['a', Float32Array.of(averages ? 2 : 1)],
        ['b', Float32Array.of(averages ? 4 : 3)],
      ]),
    );
    expect(readdirSync(folder)).toEqual(before);
  });

  it('writes the whole model', async () => {
    expect(await exportModel(target(averages), ['unet'])).toEqual(['unet']);
    expect((await valueIn('unet.safetensors', 'a')).value).toBe(averages ? 2 : 1);
  });
});
