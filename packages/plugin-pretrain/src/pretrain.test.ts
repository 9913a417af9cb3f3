// Each network's training on the tiny model: losses fall, measures say what they should, the export opens and differs
// in the one component that trained.
import { join } from 'node:path';
import type { EventOf, PipelineEvent } from '@likeness/core';
import { readSafetensorsHeader } from '@likeness/core';
import { openTinyModel, temporaryFolder } from '@likeness/core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolvePretrainConfig, type NetworkName } from './config.ts';
import { startModel } from './pretrain.ts';
import { writeTinyCorpus } from './testing/tinyCorpus.ts';
import { tinyModels, tinyRun, tinySettings } from './testing/tinyRun.ts';

const folder = temporaryFolder();
beforeAll(() => writeTinyCorpus(join(folder, 'corpus'), { count: 60 }));

const of = <Type extends PipelineEvent['type']>(
  events: readonly PipelineEvent[],
  type: Type,
): EventOf<Type>[] => events.filter((event): event is EventOf<Type> => event.type === type);

async function run(network: NetworkName, name: string, more: object): Promise<PipelineEvent[]> {
  return tinyRun(network, tinySettings(folder, { outputDir: join(folder, name), ...more }));
}

/** Components whose fingerprints differ from those the run began with. */
async function changed(name: string): Promise<string[]> {
  const before = await startModel(
    resolvePretrainConfig([{ name: 'test', values: tinySettings(folder) }]),
    tinyModels,
  );
  const after = await openTinyModel(join(folder, name, 'export'));
  const names = ['vae', 'text_encoder', 'unet'];
  const differ = await Promise.all(
    names.map(
      async (one) => (await before.componentFingerprint(one)) !== (await after.componentFingerprint(one)),
    ),
  );
  return names.filter((_, i) => differ[i]);
}

const FAST = { learningRate: 1e-2, lrWarmupSteps: 2, batchSize: 8, emaDecay: 0.5 };

describe('the autoencoder', () => {
  it('learns to give pictures back, on squares and then on whole ones, and its latents get unit variance', async () => {
    const vae = { ...FAST, maxTrainSteps: 60, cropSizePx: 16, wholeShare: 0.2 };
    const events = await run('vae', 'vae', { vae });
    const measured = of(events, 'measured');
    expect(measured.at(-1)!.measures['psnr']).toBeGreaterThan(measured[0]!.measures['psnr']! + 3);
    expect(Object.keys(of(events, 'step')[0]!.terms)).toEqual(['l1', 'gradient', 'mse', 'kl']);
    expect(await changed('vae')).toEqual(['vae']);
    const { latentCodec } = await openTinyModel(join(folder, 'vae/export'));
    expect(latentCodec.scalingFactor).not.toBe(0.5);
    expect(latentCodec.scalingFactor).toBeGreaterThan(0.1);
    expect(of(events, 'samples-written')).not.toHaveLength(0);
  });

  it('trains the decoder alone, so that latents and their scale stay', async () => {
    await run('vae', 'decoder', { vae: { ...FAST, maxTrainSteps: 4, decoderOnly: true } });
    const file = 'vae/diffusion_pytorch_model.safetensors';
    const { tensors } = await readSafetensorsHeader(join(folder, 'decoder/export', file));
    const { latentCodec } = await openTinyModel(join(folder, 'decoder/export'));
    expect(latentCodec.scalingFactor).toBe(0.5);
    expect([...tensors.keys()]).toContain('encoder.conv_in.weight');
    expect(await changed('decoder')).toEqual(['vae']);
  });
});

describe('the text encoder', () => {
  it('learns to tell the columns from the states behind a caption', async () => {
    const events = await run('text-encoder', 'text', {
      textEncoder: { ...FAST, maxTrainSteps: 80, objective: 'captions' },
    });
    const first = of(events, 'measured')[0]!.measures;
    const last = of(events, 'measured').at(-1)!.measures;
    expect(Object.keys(last)).toEqual(['accuracy.colour', 'accuracy.ground', 'accuracy.noun']);
    const mean = (measures: Readonly<Record<string, number>>): number =>
      Object.values(measures).reduce((sum, value) => sum + value / 3, 0);
    expect(mean(last)).toBeGreaterThan(mean(first) + 0.2);
    expect(await changed('text')).toEqual(['text_encoder']);
  });

  it('learns to match captions and pictures', async () => {
    const textEncoder = {
      ...FAST,
      learningRate: 3e-3,
      maxTrainSteps: 60,
      objective: 'contrastive',
      imageTowerWidth: 4,
    };
    const events = await run('text-encoder', 'contrastive', { textEncoder });
    const steps = of(events, 'step');
    expect(steps.at(-1)!.loss).toBeLessThan(0.7 * steps[0]!.loss);
    expect(await changed('contrastive')).toEqual(['text_encoder']);
  });
});

describe('the noise predictor', () => {
  it('learns to find the noise, measured with true and wrong captions', async () => {
    const unet = { ...FAST, maxTrainSteps: 40, measureTimesteps: [500] };
    const events = await run('unet', 'unet', { unet });
    const measured = of(events, 'measured');
    expect(Object.keys(measured[0]!.measures)).toEqual(['heldOutLoss', 'true.t500', 'wrong.t500']);
    expect(measured.at(-1)!.measures['heldOutLoss']).toBeLessThan(
      0.8 * measured[0]!.measures['heldOutLoss']!,
    );
    expect(of(events, 'samples-written').at(-1)!.pictures.length).toBeGreaterThan(0);
    expect(await changed('unet')).toEqual(['unet']);
    expect(events.at(-1)!.type).toBe('run-finished');
  });

  it('trains the text encoder with it, at a rate of its own', async () => {
    const unet = {
      ...FAST,
      maxTrainSteps: 40,
      measureTimesteps: [500],
      trainTextEncoder: true,
      textEncoderLearningRate: 2e-2,
    };
    const events = await run('unet', 'unet-text', { unet });
    const [first, last] = [of(events, 'measured')[0]!.measures, of(events, 'measured').at(-1)!.measures];
    expect(last['heldOutLoss']).toBeLessThan(0.8 * first['heldOutLoss']!);
    const { learningRates } = of(events, 'step')[10]!;
    expect(learningRates['text-encoder']).toBeCloseTo(2 * learningRates['unet']!);
    expect(await changed('unet-text')).toEqual(['text_encoder', 'unet']);
  });

  it('refuses a rate for a text encoder that does not train', async () => {
    const unet = { ...FAST, maxTrainSteps: 1, textEncoderLearningRate: 1e-3 };
    await expect(run('unet', 'refused', { unet })).rejects.toThrow(/does not train/);
  });

  it('refuses to draw timesteps more often that the model does not have', async () => {
    const unet = { ...FAST, maxTrainSteps: 1, timestepBiasMultiplier: 2, timestepBiasBegin: 1000 };
    await expect(run('unet', 'no-timesteps', { unet })).rejects.toThrow(/no timesteps from 1000 to 1000/);
    const alone = { ...FAST, maxTrainSteps: 1, timestepBiasBegin: 500 };
    await expect(run('unet', 'no-bias', { unet: alone })).rejects.toThrow(/no more often/);
  });

  it('begins at the same loss, whether captions are encoded beforehand or in the step', async () => {
    const unet = { ...FAST, maxTrainSteps: 1, measureTimesteps: [500] };
    const before = of(await run('unet', 'states', { unet }), 'measured')[0]!.measures;
    const within = of(await run('unet', 'ids', { unet: { ...unet, trainTextEncoder: true } }), 'measured')[0]!
      .measures;
    for (const [name, value] of Object.entries(before)) expect(within[name]).toBeCloseTo(value, 5);
  });
});
