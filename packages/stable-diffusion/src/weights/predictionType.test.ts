// What single files say of what their network predicts: an SD 1.x layout that predicts v, an SD 2.x layout that predicts
// noise. Taken for the other, training teaches the wrong target.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader } from '@likeness/engine';
import { expect, test } from 'vitest';
import { loadModel } from '../model.ts';
import { openModel, writeLdmFile, type OpenModelOptions } from './index.ts';
import { copyOfTiny, folder, TINY } from './testFolders.ts';

const tokenizerFolder = join(TINY, 'tokenizer');

/** A foreign file of tiny-sd1. */
async function foreign(
  name: string,
  {
    textLayout,
    ...how
  }: Pick<NonNullable<Parameters<typeof writeLdmFile>[2]>, 'metadata' | 'markers' | 'textLayout'>,
): Promise<string> {
  const path = join(folder, name);
  const { components } = await openModel(TINY);
  await writeLdmFile(path, components, { dtype: 'F32', ...how, ...(textLayout ? { textLayout } : {}) });
  return path;
}

async function opened(path: string, options: OpenModelOptions = {}): Promise<[unknown, string[]]> {
  const { scheduler, warnings } = await openModel(path, { tokenizerFolder, ...options });
  return [(scheduler as { prediction_type?: string }).prediction_type, warnings.map(({ code }) => code)];
}

test('nothing said: guessed by the family, with a warning; the option decides', async () => {
  const v1 = await foreign('foreign-1.safetensors', {});
  const v2 = await foreign('foreign-2.safetensors', { textLayout: 'openClip' });
  expect(await opened(v1)).toEqual(['epsilon', ['model/guessed-prediction-type']]);
  expect(await opened(v2)).toEqual(['v_prediction', ['model/guessed-prediction-type']]);
  expect(await opened(v1, { predictionType: 'v_prediction' })).toEqual(['v_prediction', []]);
  expect(await opened(v2, { predictionType: 'epsilon' })).toEqual(['epsilon', []]);
  expect(await opened(TINY, { predictionType: 'sample' })).toEqual(['sample', []]);
  await expect(opened(v1, { predictionType: 'constructor' })).rejects.toMatchObject({
    code: 'model/unknown-prediction-type',
  });
  expect((await openModel(v1, { tokenizerFolder })).components.unet.config).toMatchObject({
    sample_size: 64,
  });
  expect((await openModel(v2, { tokenizerFolder })).components.unet.config).toMatchObject({
    sample_size: 96,
  });
});

test('metadata, then keys, then a .yaml beside', async () => {
  const said = async (metadata: Record<string, string>, markers: string[] = []): Promise<unknown[]> =>
    opened(await foreign('said.safetensors', { metadata, markers }));
  expect(await said({ 'modelspec.prediction_type': 'v' })).toEqual(['v_prediction', []]);
  expect(await said({ ss_v_parameterization: 'True' })).toEqual(['v_prediction', []]);
  expect(await said({}, ['v_pred'])).toEqual(['v_prediction', []]);
  expect(await said({ 'modelspec.prediction_type': 'epsilon' }, ['v_pred'])).toEqual(['epsilon', []]);

  const path = await foreign('v.safetensors', {});
  const yaml = join(folder, 'v.yaml');
  await writeFile(yaml, 'model:\r\n  params:\r\n    parameterization: "v" # as trained\r\n');
  expect(await opened(path)).toEqual(['v_prediction', []]);
  await writeFile(yaml, 'model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params: {}\n');
  expect(await opened(path)).toEqual(['epsilon', []]);
  await rm(yaml);
  expect((await opened(path))[1]).toHaveLength(1);

  const zero = await foreign('zero.safetensors', { markers: ['v_pred', 'ztsnr'] });
  expect((await openModel(zero, { tokenizerFolder })).scheduler).toMatchObject({
    prediction_type: 'v_prediction',
    rescale_betas_zero_snr: true,
    timestep_spacing: 'trailing',
  });
});

test('our own file holds its configs: a DPM-Solver model that predicts v, opened where its base is not', async () => {
  const base = await copyOfTiny('dpm-v');
  const path = join(base, 'scheduler', 'scheduler_config.json');
  const text = (await readFile(path, 'utf8'))
    .replace('PNDMScheduler', 'DPMSolverMultistepScheduler')
    .replace('"epsilon"', '"v_prediction"')
    .replace('{', '{\n  "lambda_min_clipped": -Infinity,');
  await writeFile(path, text);
  const model = await loadModel(base);
  expect([model.samplers[0], model.noiseSchedule.predictionType]).toEqual(['dpmpp-2m', 'v_prediction']);
  const untouched = { save: () => Promise.reject(new Error('no weights change')) };
  const file = join(folder, 'own.safetensors');
  await model.export(file, untouched, [], { format: 'ldm', dtype: 'asIs', metadata: {} });
  await rm(base, { recursive: true });

  const { tensors, metadata } = await readSafetensorsHeader(file);
  expect(metadata['modelspec.prediction_type']).toBe('v');
  expect([...tensors.keys()].at(-1)).toBe('v_pred');
  const back = await loadModel(file, { tokenizerFolder });
  expect(back.warnings).toEqual([]);
  expect([back.samplers[0], back.noiseSchedule.predictionType]).toEqual(['dpmpp-2m', 'v_prediction']);
  // and out again as diffusers writes it
  await back.export(join(folder, 'again'), untouched, [], {
    format: 'diffusers',
    dtype: 'asIs',
    metadata: {},
  });
  const written = await readFile(join(folder, 'again', 'scheduler', 'scheduler_config.json'), 'utf8');
  expect(written).toContain('"lambda_min_clipped": -Infinity');
  expect((await loadModel(join(folder, 'again'))).fingerprint).toBe(back.fingerprint);
  expect(back.fingerprint).toBe(model.fingerprint);
});
