// PiSSA: starts as part of the weight with that part taken off again, and is exported as an ordinary LoRA.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportCheckpoint, readSafetensorsHeader } from '@likeness/core';
import { createTrial, openTinyModel, testPlugin, type TestPluginOptions } from '@likeness/core/testing';
import { ppl } from '@likeness/plugin-dreambooth';
import { assert, describe, expect, it } from 'vitest';
import { attachAdapters, lora } from './index.ts';

const reload: NonNullable<TestPluginOptions['reload']> = async (folder, { baseFolder }) => {
  const model = await openTinyModel(baseFolder);
  const { initialValues } = await attachAdapters(model, join(folder, 'pytorch_lora_weights.safetensors'));
  return { model, initialValues };
};

testPlugin(lora, {
  describe,
  it,
  assert,
  options: { initialisation: 'pissa', targets: ['full'], rank: 3, alpha: 2, rsLora: true, rankDropout: 0.2 },
  config: { learningRate: 1e-2 },
  reload,
});

describe('pissa', () => {
  it.each([{}, { dora: true }, { trainTextEncoder: true, rankDropout: 0.3, dropout: 0.3 }])(
    'predicts as the base model at first, with %o',
    async (options) => {
      const pissa = lora({ initialisation: 'pissa', ...options });
      const trial = await createTrial({ plugins: [pissa, ppl({ target: 'frozen' })] });
      const events = await trial.run({ maxTrainSteps: 2 });
      const terms = events.flatMap((event) =>
        event.type === 'step' ? [event.terms['prior_preservation'] ?? NaN] : [],
      );
      expect(terms[0]).toBeLessThan(1e-11);
      expect(terms[1]).toBeGreaterThan(1e-9);
    },
  );

  it('is of twice the rank in files, which say so; checkpoints export the same', async () => {
    const trial = await createTrial({ plugins: [lora({ initialisation: 'pissa', rank: 2 })] });
    const outputDir = join(trial.folder, 'run');
    await trial.run({ outputDir, maxTrainSteps: 3 });
    const file = 'pytorch_lora_weights.safetensors';
    const { tensors, metadata } = await readSafetensorsHeader(join(outputDir, 'export', file));
    const key = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q';
    expect(tensors.get(`${key}.lora_A.weight`)?.shape).toEqual([4, 16]);
    expect(tensors.get(`${key}.lora_B.weight`)?.shape).toEqual([16, 4]);
    expect(JSON.parse(metadata['lora_adapter_metadata'] ?? '')).toMatchObject({
      'unet.r': 4,
      'unet.lora_alpha': 4,
    });
    expect(metadata['pissa']).toContain('on the unchanged base model');
    expect(await readFile(join(outputDir, 'README.md'), 'utf8')).toContain('trained from PiSSA');

    const output = join(trial.folder, 'again');
    const checkpoint = join(outputDir, 'checkpoints/step-3');
    const { config, plugins } = trial.resolve({ maxTrainSteps: 3 });
    await exportCheckpoint({ config, plugins, model: trial.model, checkpoint, output });
    expect(await readFile(join(output, file))).toEqual(await readFile(join(outputDir, 'export', file)));
    expect(() => trial.resolve({ pluginOptions: { lora: { variant: 'loha', format: 'kohya' } } })).toThrow(
      "loha has no start from the weight's singular values",
    );
  });
});
