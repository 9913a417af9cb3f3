import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@likeness/core/testing';
import { expect, it } from 'vitest';
import { loadPretrainConfig, resolvePretrainConfig, trainingOf } from './config.ts';
import { settingsHash, settingsWithEffect } from './identity.ts';

const file = { name: 'file', values: { data: 'd', model: 'm', unet: { batchSize: 8, maxTrainSteps: 5 } } };

it('flags win over the file, setting by setting', () => {
  const config = resolvePretrainConfig([
    file,
    { name: 'flags', values: { seed: 3, unet: { maxTrainSteps: 7 } } },
  ]);
  expect(config.unet).toMatchObject({ batchSize: 8, maxTrainSteps: 7, learningRate: 7e-4 });
  expect([config.seed, config.data]).toEqual([3, 'd']);
});

it('every mistake is told, with the file it stands in', () => {
  const wrong = { ...file.values, sede: 1, unet: { batchSize: 0 }, vae: { cropSize: 3 } };
  const error = (): unknown => resolvePretrainConfig([{ name: 'config.yaml', values: wrong }]);
  for (const part of [
    /config.yaml: sede is not an option .did you mean seed\?./,
    /unet.batchSize: expected more than 0/,
    /vae.cropSize/,
  ])
    expect(error).toThrow(part);
  expect(() => resolvePretrainConfig([{ name: 'x', values: { model: 'm' } }])).toThrow(/data/);
  expect(() => trainingOf(resolvePretrainConfig([file]), 'vae')).toThrow(/nothing says when training ends/);
});

it('folders in a file are relative to it', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'config.yaml');
  await writeFile(path, 'data: [./a, /b]\nmodel: { from: ./m, random: [unet] }\n');
  const { values } = await loadPretrainConfig(path);
  expect(values).toEqual({
    data: [join(folder, 'a'), '/b'],
    model: { from: join(folder, 'm'), random: ['unet'] },
  });
});

it('only what changes weights is part of a run’s identity', () => {
  const hash = (values: object): string =>
    settingsHash(resolvePretrainConfig([file, { name: 'x', values: { ...values } }]), 'unet');
  const same = [
    {},
    { outputDir: 'o' },
    { sampleMinutes: 1 },
    { exportDtype: 'fp16' },
    { vae: { klWeight: 1 } },
  ].map(hash);
  expect(new Set(same).size).toBe(1);
  const other = [
    { seed: 1 },
    { unet: { learningRate: 1 } },
    { mixedPrecision: 'bf16' },
    { heldOutShare: 0.5 },
  ].map(hash);
  expect(new Set([...same, ...other]).size).toBe(5);
  expect(settingsWithEffect(resolvePretrainConfig([file]), 'unet')).not.toHaveProperty('textEncoder');
});
