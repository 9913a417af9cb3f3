// Prior preservation by the frozen model's prediction, beside adapters: nothing to make beforehand, and nothing to
// correct before the first step.
import { createTrial, testPlugin, type TestPluginOptions, openTinyModel } from '@likeness/core/testing';
import { ppl } from '@likeness/plugin-dreambooth';
import { join } from 'node:path';
import { assert, describe, expect, it } from 'vitest';
import { attachAdapters, lora } from './index.ts';

const reload: NonNullable<TestPluginOptions['reload']> = async (folder, { baseFolder }) => {
  const model = await openTinyModel(baseFolder);
  const { initialValues } = await attachAdapters(model, join(folder, 'pytorch_lora_weights.safetensors'));
  return { model, initialValues };
};

testPlugin(ppl, {
  describe,
  it,
  assert,
  options: { target: 'frozen', priorLossWeight: 0.1 },
  beside: [lora({ trainTextEncoder: true, textEncoderLearningRate: 1e-2 })],
  reload,
});

describe('prior preservation by the frozen model', () => {
  it.each([{}, { dora: true }, { variant: 'loha', format: 'kohya' }] as const)(
    'starts at zero with %o',
    async (options) => {
      const trial = await createTrial({ plugins: [lora(options), ppl({ target: 'frozen' })] });
      const events = await trial.run({ maxTrainSteps: 3, snrGamma: 5 });
      expect(events.filter(({ type }) => type.startsWith('prior'))).toEqual([]);
      const terms = events.flatMap((event) =>
        event.type === 'step' ? [event.terms['prior_preservation']] : [],
      );
      expect(terms[0]).toBeLessThan(1e-11);
      expect(terms[2]).toBeGreaterThan(1e-9);
    },
  );
});
