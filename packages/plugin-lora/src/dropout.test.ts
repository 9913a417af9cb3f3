// Dropout through whole runs: every mode, and across an interruption.
import { join } from 'node:path';
import { lossCurve, readEvents } from '@likeness/core';
import { createTrial, openTinyModel, testPlugin, type TestPluginOptions } from '@likeness/core/testing';
import { assert, describe, expect, it } from 'vitest';
import { attachAdapters, lora } from './index.ts';

const reload: NonNullable<TestPluginOptions['reload']> = async (folder, { baseFolder }) => {
  const model = await openTinyModel(baseFolder);
  const { initialValues } = await attachAdapters(model, join(folder, 'lora.safetensors'));
  return { model, initialValues };
};

testPlugin(lora, {
  describe,
  it,
  assert,
  options: {
    dropout: 0.1,
    rankDropout: 0.1,
    targets: ['full'],
    trainTextEncoder: true,
    textEncoderLearningRate: 1e-2,
    format: 'kohya',
  },
  config: { learningRate: 1e-2 },
  reload,
});

describe('dropout', () => {
  it('draws the same after an interruption, other numbers for other steps, nothing when it is off', async () => {
    const trial = await createTrial({ plugins: [lora()] });
    const dropping = { dropout: 0.3, rankDropout: 0.3, moduleDropout: 0.2 };
    const losses = async (
      name: string,
      values: object,
      options: Record<string, unknown> = dropping,
    ): Promise<number[]> => {
      const outputDir = join(trial.folder, name);
      await trial.run({
        outputDir,
        maxTrainSteps: 4,
        gradientAccumulationSteps: 2,
        checkpointingSteps: 2,
        pluginOptions: { lora: options },
        ...values,
      });
      return lossCurve(readEvents(outputDir)).map(({ loss }) => loss);
    };
    const whole = await losses('whole', {});
    const resume = join(trial.folder, 'whole/checkpoints/step-2');
    expect(await losses('resumed', { resume })).toEqual(whole.slice(2));
    const off = await losses('off', {}, {});
    // The way up starts at zero, so the first step's losses are equal.
    expect(whole[0]).toBe(off[0]);
    expect(whole[2]).not.toBe(off[2]);
  });

  it('is refused where it would do nothing', async () => {
    const trial = await createTrial({ plugins: [lora()] });
    for (const options of [{ dora: true }, { variant: 'lokr', format: 'kohya' }]) {
      expect(() => trial.resolve({ pluginOptions: { lora: { ...options, dropout: 0.1 } } })).toThrow(
        'there are no narrow states to drop',
      );
    }
  });
});
