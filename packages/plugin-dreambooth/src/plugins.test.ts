import {
  resolveConfig,
  resolvePlugins,
  Parameters,
  type DiffusionModel,
  type ExportTarget,
  type ModelFacts,
} from '@likeness/core';
import { describe, expect, it } from 'vitest';
import { dreambooth, ppl, trainWholeModel } from './index.ts';

const facts: ModelFacts = {
  resolution: 512,
  samplers: ['pndm'],
  predictionType: 'epsilon',
  downsampleFactor: 8,
  recommended: {},
};
const resolve = async (
  recipe: string,
  values: Record<string, unknown> = {},
  recommended: ModelFacts['recommended'] = {},
) =>
  resolveConfig({
    plugins: await resolvePlugins(recipe, { builtIns: [dreambooth, ppl], cwd: '/' }),
    layers: [{ name: 'flags', values: { instanceDataDir: 'photos', classNoun: 'dog', ...values } }],
    model: { ...facts, recommended },
  });

describe('recipes', () => {
  it('have diffusers’ defaults for Stable Diffusion 1.5', async () => {
    expect((await resolve('dreambooth')).config).toMatchObject({ learningRate: 5e-6, maxTrainSteps: 400 });
    const { config, plugins } = await resolve('dreambooth+ppl');
    expect(config).toMatchObject({
      learningRate: 5e-6,
      maxTrainSteps: 800,
      trainBatchSize: 1,
      adamWeightDecay: 1e-2,
    });
    expect(plugins[1]?.contributions.prior).toEqual({
      classPrompt: 'a photo of a dog',
      numClassImages: 200,
      sampleBatchSize: 4,
    });
    const withText = await resolve('dreambooth', {
      pluginOptions: { dreambooth: { trainTextEncoder: true } },
    });
    expect(withText.config.learningRate).toBe(2e-6);
  });

  it('follow what a model recommends for each plugin', async () => {
    const training = { dreambooth: { learningRate: 2e-4, maxTrainSteps: 200 }, ppl: { numClassImages: 48 } };
    const { config } = await resolve('dreambooth+ppl', {}, { training });
    expect(config).toMatchObject({
      learningRate: 2e-4,
      maxTrainSteps: 200,
      pluginOptions: { ppl: { numClassImages: 48 } },
    });
  });

  it('take the frozen model for the class only where there is one, without options of class pictures', async () => {
    const frozen = (options: Record<string, unknown> = {}) => ({
      pluginOptions: { ppl: { target: 'frozen', ...options } },
    });
    await expect(resolve('dreambooth+ppl', frozen())).rejects.toThrow(
      "dreambooth trains the model's own weights: after the first step there is no frozen model",
    );
    await expect(
      resolve('dreambooth+ppl', frozen({ classSampler: 'ddim', classDataDir: 'x' })),
    ).rejects.toThrow('classDataDir, classSampler');
  });

  it('need the class for prior preservation, and something that trains', async () => {
    await expect(
      resolve('dreambooth+ppl', { classNoun: undefined, instancePrompt: 'my dog' }),
    ).rejects.toThrow('--class-noun dog');
    await expect(resolve('ppl')).rejects.toThrow('none of them trains anything');
    await expect(
      resolve('dreambooth', { pluginOptions: { dreambooth: { trainText: true } } }),
    ).rejects.toThrow('pluginOptions.dreambooth.trainText is not an option');
  });
});

describe('trainWholeModel', () => {
  // What the trainable looks at of a model: two components with declared parameters, and where export goes.
  const component = (name: string, keys: string[]) => {
    const parameters = new Parameters({ component: name });
    for (const key of keys) parameters.get(key, [2]);
    return { name, parameters, tensors: new Map() };
  };
  const saved: unknown[] = [];
  const model = {
    noisePredictor: component('unet', ['conv_in.weight', 'conv_in.bias']),
    textEncoder: component('text_encoder', ['layer.weight']),
    export: async (folder: string, weights: ExportTarget['weights'], changed: readonly string[]) => {
      await weights.save(
        `${folder}/x`,
        [{ variable: 'unet.conv_in.bias', key: 'conv_in.bias', dtype: 'F32', layout: 'asIs' }],
        {},
      );
      return [...changed];
    },
  } as unknown as DiffusionModel;

  it('takes all weights of the UNet, and of the text encoder when asked', () => {
    const unetOnly = trainWholeModel(model, { trainTextEncoder: false, textEncoderLearningRate: undefined });
    expect(unetOnly.touches).toEqual(['unet']);
    expect(unetOnly.groups.map(({ name, variables }) => [name, variables.length])).toEqual([['unet', 2]]);
    const both = trainWholeModel(model, { trainTextEncoder: true, textEncoderLearningRate: 1e-6 });
    expect(both.touches).toEqual(['unet', 'text_encoder']);
    expect(both.groups[1]).toMatchObject({ name: 'text_encoder', learningRate: 1e-6 });
  });

  it('exports the averaged weights where there are any', async () => {
    const { export: write } = trainWholeModel(model, {
      trainTextEncoder: false,
      textEncoderLearningRate: undefined,
    });
    const changed = await write({
      folder: 'out',
      model,
      options: { dtype: 'fp32', format: 'diffusers', metadata: {} },
      weights: { save: (path, tensors) => (saved.push(path, tensors[0]?.variable), Promise.resolve()) },
      words: [],
      variableFor: (name) => `ema.${name}`,
    });
    expect(changed).toEqual(['unet']);
    expect(saved).toEqual(['out/x', 'ema.unet.conv_in.bias']);
  });
});
