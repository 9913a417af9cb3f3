import {
  definePlugin,
  resolveConfig,
  type ModelFacts,
  type PluginSetup,
  type ResolvedConfig,
} from '@likeness/core';
import { createTrial } from '@likeness/core/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { textualInversion } from './index.ts';

const facts: ModelFacts = {
  resolution: 512,
  samplers: ['pndm'],
  predictionType: 'epsilon',
  downsampleFactor: 8,
  recommended: {},
};
const prior = definePlugin({
  name: 'keeper',
  description: 'asks for class pictures',
  options: z.strictObject({}),
  setup: () => ({ prior: { classPrompt: 'a dog', numClassImages: 2 } }),
});
const other = definePlugin({
  name: 'other',
  description: 'trains something else',
  options: z.strictObject({}),
  setup: () => ({
    defaults: { learningRate: 1e-4 },
    trainable: () => Promise.reject(new Error('only configured here')),
  }),
});

function resolve(
  values: Record<string, unknown> = {},
  options: Record<string, unknown> = {},
  beside: Parameters<typeof resolveConfig>[0]['plugins'] = [],
): { config: ResolvedConfig; plugins: readonly PluginSetup[] } {
  const pluginOptions = { 'textual-inversion': options };
  return resolveConfig({
    plugins: [textualInversion(), ...beside],
    layers: [
      { name: 'flags', values: { instanceDataDir: 'photos', classNoun: 'dog', ...values, pluginOptions } },
    ],
    model: facts,
  });
}
const promptsOf = (plugins: readonly PluginSetup[], caption?: string): readonly string[] =>
  plugins[0]?.contributions.instancePrompts?.(caption === undefined ? {} : { caption }) ?? [];

describe('defaults', () => {
  it('are diffusers’ README, without decay and clipping', () => {
    const { config } = resolve();
    expect(config).toMatchObject({
      learningRate: 5e-4,
      scaleLr: true,
      gradientAccumulationSteps: 4,
      maxTrainSteps: 3000,
      maxGradNorm: 0,
      adamWeightDecay: 0,
    });
    expect(config.samplePrompts).toEqual([
      'a photo of a <sks>',
      'a photo of a <sks> on the beach',
      'a photo of a dog',
    ]);
  });

  it('leave the run to another method beside it', () => {
    expect(resolve({}, {}, [other()]).config).toMatchObject({ learningRate: 1e-4, scaleLr: false });
  });

  it('train at the learning rate times what a step sees', async () => {
    const config = { learningRate: 1e-3, gradientAccumulationSteps: 3, maxTrainSteps: 1 };
    const plugins = [textualInversion({ initializerRandom: true })];
    const { folder, run } = await createTrial({ plugins, config });
    const events = await run({ outputDir: `${folder}/run` });
    const [step] = events.filter((event) => event.type === 'step');
    // The trial's batch has two pictures.
    expect(step?.learningRates['textual_inversion']).toBeCloseTo(6e-3, 9);
  });
});

describe('prompts', () => {
  it('are sentences for an object or a style, or one’s own', () => {
    const object = promptsOf(resolve().plugins);
    expect(object.length).toBeGreaterThan(20);
    const style = promptsOf(resolve({ identifier: 'ink' }, { learnableProperty: 'style' }).plugins);
    expect([...object, ...style].every((prompt) => /<sks>|<ink>/.test(prompt))).toBe(true);
    expect(style.every((prompt) => prompt.includes('in the style of <ink>'))).toBe(true);
    const own = resolve({}, { templates: ['see {}', 'my {}'], placeholderToken: '*toy*' });
    expect(promptsOf(own.plugins)).toEqual(['see *toy*', 'my *toy*']);
    expect(own.config.prompts.instancePrompt).toBe('see *toy*');
  });

  it('follow an instance prompt that holds the word', () => {
    const { config, plugins } = resolve(
      { instancePrompt: 'a statue of <owl>' },
      { placeholderToken: '<owl>' },
    );
    expect(promptsOf(plugins)).toEqual(['a statue of <owl>']);
    expect(config.prompts.instancePrompt).toBe('a statue of <owl>');
    const without = { instancePrompt: 'a statue of my owl' };
    expect(() => resolve(without, { placeholderToken: '<owl>' })).toThrow('does not hold the new word');
    expect(() => resolve(without)).toThrow('the new word has no name');
  });

  it('take captions along, in other orders when asked', () => {
    const options = { templates: ['see {}', 'my {}'] };
    expect(promptsOf(resolve({}, options).plugins, 'red, on a table')).toEqual([
      'see <sks>, red, on a table',
      'my <sks>, red, on a table',
    ]);
    expect(promptsOf(resolve({}, options).plugins, 'a red <sks>')).toEqual(['a red <sks>']);
    const shuffled = resolve({}, { ...options, shuffleCaptions: true });
    const orders = promptsOf(shuffled.plugins, '<sks>, red, round');
    expect(new Set(orders).size).toBe(orders.length);
    expect(orders.length).toBeGreaterThan(3);
    for (const order of orders) expect(order.split(', ').sort()).toEqual(['<sks>', 'red', 'round']);
    expect(promptsOf(shuffled.plugins, '<sks>, red, round')).toEqual(orders);
  });
});

describe('refusals', () => {
  it('of class pictures, whose prompt has no new word', () => {
    expect(() => resolve({}, {}, [prior()])).toThrow(
      'keeper has nothing to preserve beside textual-inversion: no prompt of the class reaches what trains',
    );
    expect(() => resolve({}, {}, [other(), prior()])).not.toThrow();
  });

  it('of two starts, or none', () => {
    expect(() => resolve({}, { initializerToken: 'dog', initializerRandom: true })).toThrow(
      'token and random',
    );
    const noNoun = { classNoun: undefined, instancePrompt: 'a photo of <sks>' };
    expect(() => resolve(noNoun, { placeholderToken: '<sks>' })).toThrow('--initializer-token dog');
  });
});
