import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor } from '@likeness/engine';
import { describe, expect, it } from 'vitest';
import { createModel, identifyModel } from './createModel.ts';
import { loadModel } from './model.ts';
import { copyOfTiny, folder, TINY } from './weights/testFolders.ts';

const UNET = 'unet/diffusion_pytorch_model.safetensors';
const bytesOf = (place: string, file: string): Promise<Buffer> => readFile(join(place, file));

async function moments(place: string, file: string, key: string) {
  const { tensors } = await readSafetensorsHeader(join(place, file));
  const values = await readTensor(tensors.get(key)!);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
  return {
    mean,
    std,
    max: values.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    shape: tensors.get(key)!.shape,
  };
}

describe('a model made from config files', () => {
  const made = join(folder, 'made');

  it('opens like any other, its weights drawn as torch and transformers draw them', async () => {
    const configs = await copyOfTiny('configs-only');
    for (const file of [UNET, 'vae/diffusion_pytorch_model.safetensors', 'text_encoder/model.safetensors'])
      await rm(join(configs, file));
    await createModel({ from: configs, seed: 3 }, made);
    const model = await loadModel(made);
    expect(model.noisePredictor.tensors.size).toBe(model.noisePredictor.parameters.entries().size);

    // transformers refuses a whole number where it wants a float.
    const text = await readFile(join(made, 'text_encoder/config.json'), 'utf8');
    expect(text).toMatch(/"initializer_factor": 1\.0,/);
    expect(text).toMatch(/"attention_dropout": 0\.0,/);

    // torch.nn.Linear and Conv2d: uniform within 1/√fanIn, whose deviation is the bound / √3; biases alike.
    const convolution = await moments(made, UNET, 'conv_in.weight');
    const fanIn = convolution.shape.slice(1).reduce((a, b) => a * b, 1);
    expect(convolution.max).toBeLessThanOrEqual(fanIn ** -0.5);
    expect(convolution.std * Math.sqrt(3 * fanIn)).toBeCloseTo(1, 1);
    expect((await moments(made, UNET, 'conv_in.bias')).max).toBeLessThanOrEqual(fanIn ** -0.5);
    expect(await moments(made, UNET, 'conv_norm_out.weight')).toMatchObject({ mean: 1, std: 0 });
    expect(await moments(made, UNET, 'conv_norm_out.bias')).toMatchObject({ mean: 0, std: 0 });
    const tokens = 'text_model.embeddings.token_embedding.weight';
    expect((await moments(made, 'text_encoder/model.safetensors', tokens)).std).toBeCloseTo(0.02, 3);
  });

  it('is the same bytes for the same seed, and others for another', async () => {
    const again = join(folder, 'again');
    const other = join(folder, 'other');
    const definition = { from: TINY, random: ['unet', 'vae', 'text_encoder'] };
    await createModel({ ...definition, seed: 3 }, again);
    await createModel({ ...definition, seed: 4 }, other);
    expect((await bytesOf(again, UNET)).equals(await bytesOf(made, UNET))).toBe(true);
    expect((await bytesOf(other, UNET)).equals(await bytesOf(made, UNET))).toBe(false);
    const identities = [3, 3, 4].map((seed) => identifyModel({ ...definition, seed }));
    const [first, second, third] = await Promise.all(identities);
    expect(second).toEqual(first);
    expect(third).not.toEqual(first);
  });

  it('keeps the weights that are not to be random, and takes fields over those of the files', async () => {
    const mixed = join(folder, 'mixed');
    const config = { scheduler: { prediction_type: 'v_prediction', rescale_betas_zero_snr: true } };
    await createModel({ from: TINY, random: ['unet'], config, seed: 0 }, mixed);
    const [kept, original] = [await loadModel(mixed), await loadModel(TINY)];
    const vae = [...original.latentCodec.tensors.values()][0]!;
    expect(await readTensor(kept.latentCodec.tensors.get(vae.name)!)).toEqual(await readTensor(vae));
    expect(kept.noiseSchedule.predictionType).toBe('v_prediction');
    expect(kept.noiseSchedule.alphasCumprod.at(-1)).toBe(0);
    expect(kept.noisePredictor.tensors.get('conv_in.bias')).not.toEqual(
      original.noisePredictor.tensors.get('conv_in.bias'),
    );
  });

  it('names everything that is missing at once', async () => {
    const empty = join(folder, 'nothing-here');
    const error: unknown = await createModel({ config: { unet: { in_channels: 4 } }, seed: 0 }, empty).catch(
      (reason: unknown) => reason,
    );
    for (const part of [
      'no config for vae',
      'no config for text_encoder',
      'no config for scheduler',
      'no tokenizer',
    ])
      expect(String(error)).toContain(part);
    const torn = await copyOfTiny('torn-config');
    await writeFile(join(torn, 'unet/config.json'), '{');
    await expect(createModel({ from: torn, seed: 0 }, empty)).rejects.toThrow('is not valid JSON');
  });
});
