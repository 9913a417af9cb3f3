import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LossTerm, Trainable } from '../contracts.ts';
import { definePlugin } from '../plugins/definePlugin.ts';
import { portableConfig, recordedLayer } from './portableConfig.ts';
import { resolveConfig, type ModelFacts, type ResolveOptions } from './resolveConfig.ts';

const model: ModelFacts = {
  resolution: 64,
  samplers: ['ddim', 'euler'],
  predictionType: 'v_prediction',
  downsampleFactor: 8,
  recommended: { guidanceScale: 4, training: { method: { learningRate: 2e-4, rank: 8 } } },
};
const trainable = (): Trainable => ({
  groups: [],
  touches: [],
  export: () => Promise.resolve([]),
  detach: () => undefined,
});
const method = definePlugin({
  name: 'method',
  description: 'trains',
  options: z.strictObject({
    rank: z.int().positive().default(4),
    dropout: z.number().min(0).lt(1).default(0),
  }),
  setup: ({ rank }) => ({
    defaults: { learningRate: 1e-4, maxTrainSteps: 100 * rank, lrScheduler: 'linear' },
    trainable,
  }),
});
const flags = (values: Record<string, unknown>) => ({ name: 'flags', values });
const file = (values: Record<string, unknown>) => ({ name: 'likeness.config.yaml', values });
const pictures = { instanceDataDir: 'photos', classNoun: 'dog' };
const resolve = (options: Partial<ResolveOptions>) =>
  resolveConfig({ plugins: [method()], layers: [flags(pictures)], model, ...options });

describe('resolveConfig', () => {
  it('lets defaults < plugin < model < file < flags win, key by key', () => {
    const { config } = resolve({
      layers: [
        file({ ...pictures, seed: 1, maxGradNorm: 2, pluginOptions: { method: { dropout: 0.1 } } }),
        flags({ seed: 2 }),
      ],
    });
    expect(config).toMatchObject({
      adamBeta1: 0.9, // default
      lrScheduler: 'linear', // plugin
      maxTrainSteps: 800, // plugin, from an option the model recommends
      learningRate: 2e-4, // model over plugin
      guidanceScale: 4, // model over default
      maxGradNorm: 2, // file
      seed: 2, // flags over file
      resolution: 64,
      sampler: 'ddim',
      recipe: 'method',
      pluginOptions: { method: { rank: 8, dropout: 0.1 } },
    });
    expect(resolve({ layers: [file({ ...pictures, learningRate: 1 })] }).config.learningRate).toBe(1);
    const inline = resolve({ plugins: [method({ rank: 2 })] });
    expect(inline.config.pluginOptions).toEqual({ method: { rank: 2, dropout: 0 } });
  });

  it('takes what the model recommends for two plugins together over what it says for each', () => {
    const second = definePlugin({
      name: 'second',
      description: 'adds',
      options: z.strictObject({ weight: z.number().default(1) }),
      setup: () => ({}),
    });
    const training = {
      ...model.recommended.training,
      second: { learningRate: 5e-3, weight: 2 },
      'method+second': { learningRate: 3e-4, weight: 3, rank: 6 },
      'method+third': { learningRate: 9 },
    };
    const facts = { ...model, recommended: { training } };
    const both = resolve({ plugins: [method(), second()], model: facts }).config;
    expect(both.learningRate).toBe(3e-4);
    expect(both.pluginOptions).toEqual({ method: { rank: 6, dropout: 0 }, second: { weight: 3 } });
    expect(resolve({ model: facts }).config).toMatchObject({ learningRate: 2e-4 });
  });

  it('makes prompts from identifier and class noun', () => {
    expect(resolve({}).config.prompts).toEqual({
      identifier: 'sks',
      classNoun: 'dog',
      instancePrompt: 'a photo of sks dog',
      classPrompt: 'a photo of a dog',
    });
    const spelledOut = { instanceDataDir: 'photos', instancePrompt: 'my owl', classPrompt: 'an owl' };
    expect(resolve({ layers: [flags(spelledOut)] }).config.prompts).toEqual({
      instancePrompt: 'my owl',
      classPrompt: 'an owl',
    });
  });

  it('lets a method call the subject another way, in samples too', () => {
    const renamed = definePlugin({
      name: 'renamed',
      description: 'calls the subject <sks>',
      options: z.strictObject({}),
      setup: (_, { plugins }) => ({
        trainable: () => Promise.reject(new Error('not run')),
        prompts: { instancePrompt: `a photo of <sks> by ${plugins.join()}` },
      }),
    });
    const { prompts, samplePrompts } = resolve({ plugins: [renamed()] }).config;
    expect(prompts).toMatchObject({ identifier: 'sks', instancePrompt: 'a photo of <sks> by renamed' });
    expect(samplePrompts[0]).toBe('a photo of <sks> by renamed');
  });

  it('tells all problems of all layers at once, with layer, path and nearest name', () => {
    const attempt = () =>
      resolve({
        layers: [
          file({ learningrate: 1, trainBatchSize: 1.5, pluginOptions: { method: { rnak: 2 }, metod: {} } }),
          flags({
            optimizer: 'lion',
            seed: -1,
            background: 'white',
            subject: 'x',
            pluginOptions: { method: { rank: 0 } },
          }),
        ],
      });
    expect(attempt).toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: configuration: 11 settings do not work
        - likeness.config.yaml: trainBatchSize: expected a whole number, got 1.5
        - likeness.config.yaml: learningrate is not an option (did you mean learningRate?)
        - flags: background: expected a colour like #ffffff, got "white"
        - flags: optimizer: expected one of adamw, adam, sgd, got "lion"
        - flags: seed: expected at least 0, got -1
        - flags: subject: there are no example subjects here, got x
        - instancePrompt: nothing names the subject; give classNoun (--class-noun dog), instancePrompt or subject
        - instanceDataDir: no pictures; give a folder (--instance-data-dir) or an example subject (--subject NAME)
        - likeness.config.yaml: pluginOptions.metod: the recipe has no plugin metod (did you mean method?)
        - likeness.config.yaml: pluginOptions.method.rnak is not an option (did you mean rank?)
        - flags: pluginOptions.method.rank: expected more than 0, got 0
        hint: pipeline plugins lists every option with its default]
    `);
  });

  it('takes pictures and class noun of an example subject, unless a stronger layer brings pictures', () => {
    const subjects = { poodle: { instanceDataDir: '/subjects/poodle', classNoun: 'dog' } };
    const base = { name: 'the bundled example', values: { subject: 'poodle' } };
    expect(resolve({ layers: [base], subjects }).config).toMatchObject({
      instanceDataDir: '/subjects/poodle',
      classNoun: 'dog',
    });
    expect(resolve({ layers: [base, flags({ classNoun: 'poodle' })], subjects }).config.classNoun).toBe(
      'poodle',
    );
    const mine = resolve({
      layers: [base, flags({ instanceDataDir: 'mine', classNoun: 'cat' })],
      subjects,
    }).config;
    expect(mine).toMatchObject({ instanceDataDir: 'mine', classNoun: 'cat' });
    expect(mine.subject).toBeUndefined();
    expect(() => resolve({ layers: [base, flags({ instanceDataDir: 'mine' })], subjects })).toThrow(
      'nothing names the subject',
    );
    expect(() => resolve({ layers: [flags({ subject: 'poodel' })], subjects })).toThrow(
      'did you mean poodle?',
    );
    expect(() => resolve({ layers: [flags({ subject: 'poodle', ...pictures })], subjects })).toThrow(
      'give one of them',
    );
  });

  it('repeats a run from its record, and from what its export says', () => {
    const subjects = { poodle: { instanceDataDir: '/subjects/poodle', classNoun: 'dog' } };
    const layers = [
      flags({ subject: 'poodle', seed: 7, pluginOptions: { method: { rank: 2 } }, outputDir: 'x' }),
    ];
    const { config } = resolve({ layers, subjects });
    const { outputDir: _, ...expected } = config;
    for (const recorded of [{ ...config }, portableConfig(config)]) {
      const again = resolve({ layers: [recordedLayer('config.json', recorded)], subjects });
      expect(again.config).toEqual(expected);
      expect(again.warnings).toEqual([]);
    }
  });

  it('lets no plugin decide what comes before it', () => {
    const late = definePlugin({
      name: 'late',
      description: 'late',
      options: z.strictObject({}),
      // As plain JavaScript could say it.
      setup: () => ({ trainable, defaults: { classNoun: 'cat' } as object }),
    });
    expect(() => resolve({ plugins: [late()] })).toThrow(
      'defaults of late: classNoun is known before plugins are set up',
    );
  });

  it('refuses combinations that cannot work', () => {
    const refused = (values: Record<string, unknown>, facts: Partial<ModelFacts> = {}) =>
      expect(() => resolve({ layers: [flags({ ...pictures, ...values })], model: { ...model, ...facts } }));
    refused({ snrGamma: 5 }, { predictionType: 'sample' }).toThrow('flags: snrGamma: Min-SNR');
    refused({ gradientCheckpointing: true, mode: 'eager' }).toThrow('needs mode xla');
    refused({ lrScheduler: 'constant', lrWarmupSteps: 5 }).toThrow('constant_with_warmup');
    refused({ lrScheduler: 'piecewise_constant', lrStepRules: 'x' }).toThrow('flags: lrScheduler: ');
    refused({ sampler: 'eulr' }).toThrow('did you mean euler?');
    refused({ resolution: 100 }).toThrow('expected a multiple of 8, got 100');
    refused({ instanceDataDir: undefined }).toThrow('no pictures');
  });

  it('warns of settings without effect', () => {
    const { warnings } = resolve({
      layers: [flags({ ...pictures, lrPower: 2, optimizer: 'sgd', adamBeta1: 0.8 })],
    });
    expect(warnings).toEqual([
      { code: 'config/no-effect', text: 'lrPower has no effect: lrScheduler is linear' },
      { code: 'config/no-effect', text: 'adamBeta1 has no effect: optimizer is sgd' },
    ]);
  });

  it("says a plugin's optimizer in the config: record, identity and metadata are made from it", () => {
    const optimizer = { name: 'adam', beta1: 0.5, beta2: 0.9, epsilon: 1e-6, weightDecay: 0.1 } as const;
    const bringing = (settings: typeof optimizer | { name: 'sgd' }) =>
      definePlugin({
        name: 'bringing',
        description: 'brings an optimizer',
        options: z.strictObject({}),
        setup: () => ({ optimizer: { ...optimizer, ...settings } }),
      });
    const plugins = [method(), bringing(optimizer)()];
    const { config, warnings } = resolve({
      plugins,
      layers: [file({ ...pictures, adamBeta1: 0.8, adamWeightDecay: 0.1 })],
    });
    expect(config).toMatchObject({
      optimizer: 'adam',
      adamBeta1: 0.5,
      adamBeta2: 0.9,
      adamEpsilon: 1e-6,
      adamWeightDecay: 0.1,
    });
    expect(warnings).toEqual([
      {
        code: 'config/no-effect',
        text: 'adamBeta1 has no effect: the optimizer of bringing says 0.5',
      },
    ]);
    const impossible = bringing({ ...optimizer, beta1: 1 } as unknown as typeof optimizer);
    expect(() => resolve({ plugins: [method(), impossible()] })).toThrow('optimizer of bringing: adamBeta1');
    const plain = resolve({ plugins: [method(), bringing({ name: 'sgd' })()] }).config;
    expect(plain).toMatchObject({ optimizer: 'sgd', adamBeta1: 0.9, adamWeightDecay: 0.1 });
  });

  it('warns of words that the model takes otherwise than one may think', () => {
    // A letter is a token.
    const tokenizer = { modelMaxLength: 22, encode: (text: string) => Array.from(text, () => 0) };
    const warnings = (values: Record<string, unknown>, plugins: ResolveOptions['plugins'] = [method()]) =>
      resolve({
        plugins,
        layers: [flags({ ...pictures, ...values })],
        model: { ...model, tokenizer },
      }).warnings.map(({ text }) => text);
    expect(warnings({ samplePrompts: ['a dog'] })).toEqual([]);
    expect(warnings({ samplePrompts: ['a dog'], identifier: 'dog' })).toEqual([
      expect.stringContaining('identifier "dog" is the class noun, too'),
    ]);
    expect(warnings({ samplePrompts: ['a dog'], instancePrompt: 'a photo of my dear old sks' })).toEqual([
      expect.stringContaining('the instance prompt is too long'),
    ]);
    // A plugin that calls the subject otherwise brings a word of its own.
    const naming = definePlugin({
      name: 'naming',
      description: 'a new word',
      options: z.strictObject({}),
      setup: () => ({
        prompts: { identifier: '<dog>', instancePrompt: 'a photo of <dog> puppy' },
        trainable,
      }),
    });
    expect(warnings({ samplePrompts: ['a dog'], identifier: 'dog' }, [naming()])).toEqual([]);
  });

  it('wants exactly one training of what plugins bring, and names both when they collide', () => {
    const term: LossTerm = { name: 'shared', weight: 1, compute: ({ instance }) => instance.timesteps };
    const extra = (name: string) =>
      definePlugin({
        name,
        description: name,
        options: z.strictObject({}),
        setup: () => ({
          lossTerms: [term],
          denoisingLoss: term,
          prior: { classPrompt: 'a dog', numClassImages: 1 },
        }),
      })();
    expect(() => resolve({ plugins: [extra('one')] })).toThrow('none of them trains anything');
    expect(() => resolve({ plugins: [method(), extra('one'), extra('two')] }))
      .toThrowErrorMatchingInlineSnapshot(`
      [PluginError: recipe method+one+two: what these plugins bring does not make one training
        - one and two both bring a denoising loss; a run has one
        - one and two both bring a request for class pictures; a run has one
        - one and two both call a loss term shared; names are unique]
    `);
  });
});
