// Questions, axes and designs: which cells a file asks for, and what is refused with which words.
import { definePlugin, flagsFromSchema } from '@likeness/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { axisOf, meets, parseAxis } from './axis.ts';
import { expand, type Surroundings } from './expand.ts';
import { resolveQuestion, type QuestionInput } from './question.ts';

const plugin = (name: string, options: Record<string, z.ZodType>) =>
  definePlugin({ name, description: name, options: z.strictObject(options), setup: () => ({}) })();
const plugins = {
  full: plugin('full', {}),
  lora: plugin('lora', { rank: z.int().default(4), dropout: z.number().default(0) }),
  ppl: plugin('ppl', { priorLossWeight: z.number().default(1) }),
  adapter: plugin('adapter', { rank: z.int().default(4) }),
};
const pictures = ['1.png', '2.png', '3.png'];
const surroundings: Surroundings = {
  defaultRecipe: 'full',
  optionsOf: async (recipe) =>
    flagsFromSchema(recipe.split('+').map((name) => plugins[name as keyof typeof plugins])),
  subject: async (name = 'robot') => ({
    name,
    classNoun: name === 'shoe' ? 'shoe' : 'robot',
    pictures,
    source: { subject: name },
    wrongNoun: 'cake',
  }),
};
const question = (input: QuestionInput) => resolveQuestion([{ name: 'file', values: input }], 'test');
const points = async (input: QuestionInput) => {
  const [study] = await expand(question({ seeds: 1, ...input }), surroundings);
  return study!.points;
};
const factors = async (input: QuestionInput) =>
  (await points(input)).map((point) => Object.values(point.factors));

describe('axes', () => {
  it('are lists, ranges, logarithmic ranges and conditions, in a file and on the command line', () => {
    expect(axisOf('rank', { range: { from: 2, to: 8, step: 2 } }).values).toEqual([2, 4, 6, 8]);
    expect(axisOf('x', { range: { from: 0.1, to: 0.3, step: 0.1 } }).values).toEqual([0.1, 0.2, 0.3]);
    expect(axisOf('rate', { log: { from: 1e-6, to: 1e-4, count: 3 } }).values).toEqual([1e-6, 1e-5, 1e-4]);
    expect(parseAxis('rank=2,4,8')).toEqual(['rank', { values: [2, 4, 8] }]);
    expect(parseAxis('rank=2..8..2@method=lora')).toEqual([
      'rank',
      { range: { from: 2, to: 8, step: 2 }, when: { method: 'lora' } },
    ]);
    expect(parseAxis('learningRate=1e-6..1e-4*3')[1]).toEqual({ log: { from: 1e-6, to: 1e-4, count: 3 } });
    expect(parseAxis('method=lora+ppl,full')[1]).toEqual({ values: ['lora+ppl', 'full'] });
    expect(() => parseAxis('rank')).toThrow('NAME=VALUE,VALUE');
    expect(() => axisOf('rank', [2, 2])).toThrow('a value stands twice');
    expect(() => axisOf('rank', { range: { from: 3, to: 2, step: 1 } })).toThrow('a range without values');
  });

  it('a method is met by the name of one of its plugins', () => {
    expect(meets({ method: 'lora+ppl' }, { method: 'lora' })).toBe(true);
    expect(meets({ method: 'full' }, { method: ['lora', 'ppl'] })).toBe(false);
    expect(meets({ method: 'lora', rank: 2 }, { method: 'lora', rank: [4, 8] })).toBe(false);
  });
});

describe('a question', () => {
  it('tells unknown keys with the nearest known one, wherever they stand', () => {
    const wrong = {
      axis: {},
      axes: { rank: { valuse: [1] } },
      studies: { one: { subjcts: ['robot'] } },
    } as unknown as QuestionInput;
    expect(() => question(wrong)).toThrow('file: axis is not an option (did you mean axes?)');
    expect(() => question(wrong)).toThrow('axes.rank.valuse is not a part of an axis (did you mean values?)');
    expect(() => question(wrong)).toThrow('studies.one.subjcts is not an option (did you mean subjects?)');
  });

  it('has studies that share what stands above them, and later layers win key by key', () => {
    const { studies } = resolveQuestion(
      [
        {
          name: 'file',
          values: {
            seeds: 3,
            settings: { maxTrainSteps: 200, pluginOptions: { ppl: { numClassImages: 48 } } },
            studies: { a: { axes: { method: ['full'], rank: [1, 2] } }, b: { seeds: 1 } },
          },
        },
        {
          name: 'fast',
          values: {
            settings: { maxTrainSteps: 5, pluginOptions: { lora: { rank: 2 } } },
            studies: { a: { axes: { rank: [1] } } },
          },
        },
      ],
      'x',
    );
    expect(studies['a']).toMatchObject({
      seeds: 3,
      settings: { maxTrainSteps: 5, pluginOptions: { ppl: { numClassImages: 48 }, lora: { rank: 2 } } },
      axes: { method: ['full'], rank: [1] },
    });
    expect(studies['b']?.seeds).toBe(1);
  });
});

describe('designs', () => {
  it('full: every combination; options of a plugin apply where the recipe has it', async () => {
    const axes = { rank: [2, 4], method: ['full', 'lora', 'lora+ppl'], priorLossWeight: [0, 1] };
    expect(await factors({ axes })).toEqual([
      ['full', null, null],
      ['lora', 2, null],
      ['lora', 4, null],
      ['lora+ppl', 2, 0],
      ['lora+ppl', 2, 1],
      ['lora+ppl', 4, 0],
      ['lora+ppl', 4, 1],
    ]);
    const [, second] = await points({ axes });
    expect(second?.values).toEqual({
      subject: 'robot',
      recipe: 'lora',
      seed: 0,
      pluginOptions: { lora: { rank: 2 } },
    });
  });

  it('include and exclude', async () => {
    const axes = { method: ['full', 'lora'], maxTrainSteps: [10, 20] };
    const found = await points({
      axes,
      exclude: [{ method: 'lora', maxTrainSteps: 20 }],
      include: [{ method: 'lora', learningRate: 0.1 }],
    });
    expect(found.map((point) => point.factors)).toEqual([
      { method: 'full', maxTrainSteps: 10 },
      { method: 'full', maxTrainSteps: 20 },
      { method: 'lora', maxTrainSteps: 10 },
      { method: 'lora', maxTrainSteps: 10, learningRate: 0.1 },
    ]);
    expect(found.at(-1)?.values).toMatchObject({ learningRate: 0.1, maxTrainSteps: 10 });
    await expect(points({ axes, include: [{ learningRat: 1 }] })).rejects.toThrow(
      'did you mean learningRate?',
    );
  });

  it('one factor at a time: each value with the rest at the baseline, moved to where the axis applies', async () => {
    const axes = { method: ['full', 'lora'], rank: [2, 4], maxTrainSteps: [10, 20] };
    expect(await factors({ axes, design: 'one-factor', baseline: { maxTrainSteps: 20 } })).toEqual([
      ['full', null, 20],
      ['lora', 2, 20],
      ['lora', 4, 20],
      ['full', null, 10],
    ]);
    await expect(points({ axes, design: 'one-factor', baseline: { rank: 3 } })).rejects.toThrow(
      'rank: expected one of 2, 4, got 3',
    );
  });
});

describe('expanding', () => {
  it('paired keys move together, and log ranges reach the setting', async () => {
    const axes = {
      schedule: {
        paired: {
          short: { maxTrainSteps: 5, learningRate: 0.1 },
          long: { maxTrainSteps: 50, 'lora.rank': 8 },
        },
      },
      method: ['lora'],
    };
    const found = await points({ axes });
    expect(found.map(({ values }) => values)).toMatchObject([
      { maxTrainSteps: 5, learningRate: 0.1 },
      { maxTrainSteps: 50, pluginOptions: { lora: { rank: 8 } } },
    ]);
    expect(found[0]?.factors).toEqual({ method: 'lora', schedule: 'short' });
  });

  it('names the subject rightly, wrongly, commonly or not at all', async () => {
    const axes = { classNoun: ['correct', 'wrong', 'none'], identifier: ['rare', 'word', 'none'] };
    const found = await points({ axes, words: { common: 'green' } });
    const told = found.map(({ values, refusal }) => values ?? refusal);
    const where = { recipe: 'full', seed: 0 };
    expect(told).toEqual([
      { ...where, subject: 'robot', identifier: 'sks' },
      { ...where, subject: 'robot', identifier: 'green' },
      { ...where, subject: 'robot', instancePrompt: 'a photo of a robot' },
      { ...where, subject: 'robot', classNoun: 'cake', identifier: 'sks' },
      { ...where, subject: 'robot', classNoun: 'cake', identifier: 'green' },
      { ...where, subject: 'robot', classNoun: 'cake', instancePrompt: 'a photo of a cake' },
      { ...where, instanceDataDir: pictures, identifier: 'sks', instancePrompt: 'a photo of sks' },
      { ...where, instanceDataDir: pictures, identifier: 'green', instancePrompt: 'a photo of green' },
      'neither an identifier nor a class noun: nothing would name the subject',
    ]);
  });

  it('takes the first pictures, measures against all, and refuses more than there are', async () => {
    const found = await points({ axes: { numInstanceImages: [1, 4] } });
    expect(found[0]?.values).toMatchObject({ instanceDataDir: ['1.png'], classNoun: 'robot' });
    expect(found[0]?.reference).toEqual(pictures);
    expect(found[1]?.refusal).toBe('numInstanceImages 4: robot has 3 pictures');
  });

  it('has equal subjects and seeds in every combination', async () => {
    const found = await points({
      axes: { method: ['full', 'lora'] },
      subjects: ['robot', 'shoe'],
      seeds: [3, 7],
    });
    const places = (method: string) =>
      found.filter((p) => p.factors['method'] === method).map(({ subject, seed }) => [subject, seed]);
    expect(places('full')).toEqual(places('lora'));
    expect(places('full')).toHaveLength(4);
  });

  it('refuses axes that no recipe knows or that several plugins have', async () => {
    await expect(points({ axes: { rakn: [1] }, settings: { recipe: 'lora' } })).rejects.toThrow(
      'did you mean rank?',
    );
    await expect(points({ axes: { rank: [1] }, settings: { recipe: 'lora+adapter' } })).rejects.toThrow(
      'lora.rank or adapter.rank',
    );
    await expect(points({ axes: { seed: [1] } })).rejects.toThrow('say how many with seeds');
  });
});
