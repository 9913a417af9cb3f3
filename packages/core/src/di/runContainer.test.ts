import { expect, it } from 'vitest';
import { z } from 'zod';
import { resolveConfig } from '../config/resolveConfig.ts';
import type { DiffusionModel, LossTerm, Trainable } from '../contracts.ts';
import { definePlugin, type Contributions } from '../plugins/definePlugin.ts';
import { createRunContainer, LOSS_TERMS, TRAINABLE_FACTORY } from './runContainer.ts';
import { all, token } from './tokens.ts';

const term = (name: string): LossTerm => ({ name, weight: 1, compute: ({ instance }) => instance.timesteps });
const core = term('denoising');
const trained: Trainable = {
  groups: [],
  touches: [],
  export: () => Promise.resolve([]),
  detach: () => undefined,
};
const plugin = (name: string, contributions: Contributions) =>
  definePlugin({ name, description: name, options: z.strictObject({}), setup: () => contributions })();
// The container hands the model on and looks at nothing of it.
const model = { source: 'a model' } as DiffusionModel;

function containerOf(...plugins: ReturnType<typeof plugin>[]) {
  const resolved = resolveConfig({
    plugins,
    layers: [
      {
        name: 'flags',
        values: {
          instanceDataDir: 'photos',
          classNoun: 'dog',
          learningRate: 0.1,
          lrScheduler: 'linear',
          maxTrainSteps: 10,
        },
      },
    ],
    model: {
      resolution: 64,
      samplers: ['ddim'],
      predictionType: 'epsilon',
      downsampleFactor: 8,
      recommended: {},
    },
  });
  return createRunContainer({
    config: resolved.config,
    plugins: resolved.plugins,
    model,
    denoisingLoss: core,
  });
}

it('resolves what plugins bring, in recipe order, beside what core brings', async () => {
  const prior = { classPrompt: 'a dog', numClassImages: 3 };
  const seen: unknown[] = [];
  const container = containerOf(
    plugin('one', { trainable: (...given) => (seen.push(...given), trained), lossTerms: [term('a')] }),
    plugin('two', { prior, lossTerms: [term('b'), term('c')] }),
  );
  expect(container.lossTerms.map(({ name }) => name)).toEqual(['denoising', 'a', 'b', 'c']);
  expect(container.prior).toBe(prior);
  expect(container.optimizer).toEqual({
    name: 'adamw',
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
  });
  expect([0, 5, 10].map(container.lrSchedule)).toEqual([1, 0.5, 0]);
  expect(container.trainables.map(({ plugin: owner }) => owner)).toEqual(['one']);
  expect(seen).toEqual([]);
  expect(await container.trainables[0]?.create()).toBe(trained);
  expect(seen[0]).toBe(model);
  expect(seen[1]).toMatchObject({
    seed: 0,
    plugins: ['one', 'two'],
    prompts: { instancePrompt: 'a photo of sks dog' },
  });
});

it("lets a plugin's denoising loss and optimizer take core's place", () => {
  const mine = term('denoising');
  const optimizer = { name: 'sgd', beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0 } as const;
  const container = containerOf(plugin('one', { trainable: () => trained, denoisingLoss: mine, optimizer }));
  expect(container.lossTerms).toEqual([mine]);
  expect(container.optimizer).toBe(optimizer);
  expect(container.prior).toBeUndefined();
});

it('gives plugins services of their own', () => {
  const NAMES = token<string>('NAMES');
  const container = containerOf(
    plugin('one', {
      trainable: () => trained,
      bindings: (provide) =>
        provide(
          NAMES,
          [LOSS_TERMS, all(TRAINABLE_FACTORY)],
          (terms, factories) => `${terms.length} ${factories.length}`,
        ),
    }),
  );
  expect(container.services.get(NAMES)).toBe('1 1');
});

it('gives pictures their caption or the instance prompt, unless a plugin has others', () => {
  const method = { trainable: () => trained };
  const { instancePrompts } = containerOf(plugin('one', method));
  expect([instancePrompts({}), instancePrompts({ caption: 'my dog' })]).toEqual([
    ['a photo of sks dog'],
    ['my dog'],
  ]);
  const own = containerOf(plugin('one', method), plugin('two', { instancePrompts: () => ['a', 'b'] }));
  expect(own.instancePrompts({ caption: 'my dog' })).toEqual(['a', 'b']);
});

it('refuses class pictures when no prompt of the class reaches what trains', () => {
  const prior = plugin('keeper', { prior: { classPrompt: 'a dog', numClassImages: 3 } });
  const word = plugin('word', { trainable: () => trained, classPromptReaches: false });
  expect(() => containerOf(word, prior)).toThrow('keeper has nothing to preserve beside word');
  expect(containerOf(word, plugin('one', { trainable: () => trained }), prior).prior).toBeDefined();
});
