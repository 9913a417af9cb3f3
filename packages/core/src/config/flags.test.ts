import { expect, it } from 'vitest';
import { z } from 'zod';
import { flagLayer, flagsFromSchema } from './flags.ts';
import { editDistance, nearestName } from './nearestName.ts';
import { problemsOf } from './layers.ts';
import { configSchema } from './schema.ts';

const plugin = {
  name: 'lora',
  optionsSchema: z.strictObject({
    rank: z.int().positive().default(4).meta({ description: 'rank of the update' }),
    seed: z.int().optional(),
    trainTextEncoder: z.boolean().default(false),
  }),
};
const flags = flagsFromSchema([plugin]);
const flag = (name: string) => flags.find((one) => one.flag === name);

it('describes every option of core and of plugins', () => {
  expect(flag('max-train-steps')).toEqual({
    owner: 'core',
    name: 'maxTrainSteps',
    path: ['maxTrainSteps'],
    flag: 'max-train-steps',
    type: 'integer',
    default: 400,
    description: 'optimizer steps',
  });
  expect(flag('rank')).toMatchObject({ owner: 'lora', path: ['pluginOptions', 'lora', 'rank'], default: 4 });
  expect(flag('optimizer')).toMatchObject({ type: 'choice', choices: ['adamw', 'adam', 'sgd'] });
  expect(flag('sample-prompt')).toMatchObject({ name: 'samplePrompts', type: 'list' });
  expect(flag('center-crop')).toMatchObject({ type: 'boolean', default: true });
  expect(flag('learning-rate')?.type).toBe('number');
  expect(flag('adam-beta1')).toBeDefined();
  expect(flags.filter((one) => one.owner === 'core' && one.description === '')).toEqual([]);
});

it('puts the plugin’s name before a flag that core has too', () => {
  expect(flag('seed')?.owner).toBe('core');
  expect(flag('lora-seed')?.owner).toBe('lora');
  expect(new Set(flags.map((one) => one.flag)).size).toBe(flags.length);
});

it('reads flags into a layer that the schema accepts', () => {
  const layer = flagLayer(
    {
      'max-train-steps': '10',
      'learning-rate': '2e-4',
      'center-crop': false,
      'sample-prompt': ['a', 'b'],
      'instance-data-dir': 'photos',
      optimizer: 'sgd',
      rank: '8',
      'train-text-encoder': true,
      resolution: undefined,
    },
    flags,
  );
  expect(layer).toEqual({
    name: 'flags',
    values: {
      maxTrainSteps: 10,
      learningRate: 2e-4,
      centerCrop: false,
      samplePrompts: ['a', 'b'],
      instanceDataDir: 'photos',
      optimizer: 'sgd',
      pluginOptions: { lora: { rank: 8, trainTextEncoder: true } },
    },
  });
  expect(problemsOf(configSchema, layer)).toEqual([]);
});

it('tells every flag that cannot be read', () => {
  const read = () => flagLayer({ seed: 'x', optimizer: 'lion', 'max-train-steps': '1.5' }, flags);
  expect(read).toThrowErrorMatchingInlineSnapshot(`
    [ConfigError: flags: flags that cannot be read
      - --max-train-steps: expected a whole number, got "1.5"
      - --optimizer: expected one of adamw, adam, sgd, got "lion"
      - --seed: expected a whole number, got "x"]
  `);
});

it('finds near names', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('ab', 'ba')).toBe(1);
  expect(nearestName('max-train-step', ['maxTrainSteps', 'seed'])).toBe('maxTrainSteps');
  expect(nearestName('zzz', ['maxTrainSteps', 'seed'])).toBeUndefined();
});
