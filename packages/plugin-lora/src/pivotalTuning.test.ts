// Pivotal tuning: adapters and a new word in one run, each with its own rate, exported apart and, if asked, together.
import { join } from 'node:path';
import { readSafetensorsHeader, readTensor } from '@likeness/core';
import { createTrial, openTinyModel, testPlugin, type TestPluginOptions } from '@likeness/core/testing';
import { ppl } from '@likeness/plugin-dreambooth';
import { attachVectors, EMBEDDING_FILE, textualInversion } from '@likeness/plugin-textual-inversion';
import { assert, describe, expect, it } from 'vitest';
import { attachAdapters, lora } from './index.ts';

/** From the adapters' file alone: the word is in it. */
const reload: NonNullable<TestPluginOptions['reload']> = async (folder, { baseFolder }) => {
  const model = await openTinyModel(baseFolder);
  const { initialValues, file } = await attachAdapters(model, join(folder, 'lora.safetensors'));
  const words = file.embeddings.map((embedding) => attachVectors(model, embedding, file.path));
  return {
    model,
    initialValues: new Map(
      [initialValues, ...words.map((word) => word.initialValues)].flatMap((map) => [...map]),
    ),
  };
};
const word = textualInversion({ numVectors: 2, initializerRandom: true, embeddingLearningRate: 2e-2 });

testPlugin(lora, {
  describe,
  it,
  assert,
  options: { bundleEmbedding: true, format: 'kohya', trainTextEncoder: true, textEncoderLearningRate: 1e-2 },
  beside: [word],
  config: { learningRate: 1e-2 },
  reload,
});

describe('lora+textual-inversion', () => {
  it('trains two groups at their own rates and writes both, the word also beside the adapters', async () => {
    const trial = await createTrial({ plugins: [lora({ bundleEmbedding: true, format: 'kohya' }), word] });
    const outputDir = join(trial.folder, 'run');
    const events = await trial.run({ outputDir, maxTrainSteps: 2, learningRate: 1e-3 });
    const steps = events.flatMap((event) => (event.type === 'step' ? [event.learningRates] : []));
    expect(steps[0]).toEqual({ 'lora.unet': 1e-3, textual_inversion: 2e-2 });
    const exported = events.flatMap((event) => (event.type === 'exported' ? event.files : []));
    expect(exported).toEqual(['lora.safetensors', EMBEDDING_FILE]);
    const valuesOf = async (path: string, key: string): Promise<Float32Array> => {
      const entry = (await readSafetensorsHeader(path)).tensors.get(key);
      if (entry === undefined) throw new Error(`${path} has no ${key}`);
      expect(entry.shape).toEqual([2, 8]);
      return readTensor(entry);
    };
    const [adapters = '', alone = ''] = exported.map((file) => join(outputDir, 'export', file));
    expect(await valuesOf(adapters, 'bundle_emb.<sks>.clip_l')).toEqual(await valuesOf(alone, '<sks>'));
  });

  it.each(['generated', 'frozen'] as const)('goes with prior preservation (%s)', async (target) => {
    const trial = await createTrial({
      plugins: [lora(), word, ppl({ target, numClassImages: 2, sampleBatchSize: 2 })],
    });
    const events = await trial.run({ maxTrainSteps: 3, samples: true, numSamples: 1 });
    const terms = events.flatMap((event) =>
      event.type === 'step' ? [event.terms['prior_preservation'] ?? NaN] : [],
    );
    expect(terms.length).toBe(3);
    if (target === 'frozen') expect(terms[0]).toBeLessThan(1e-11);
    expect(terms[2]).toBeGreaterThan(0);
    const made = events.filter(({ type }) => type === 'prior-image').length;
    expect(made).toBe(target === 'frozen' ? 0 : 2);
  });

  it('bundles only where there is a word and a place for it', async () => {
    const trial = await createTrial({ plugins: [lora()] });
    const bundling = (more = {}) => ({ pluginOptions: { lora: { bundleEmbedding: true, ...more } } });
    expect(() => trial.resolve(bundling())).toThrow(/no word is learned[^]*lora\+textual-inversion/);
    const both = await createTrial({ plugins: [lora(), word] });
    expect(() => both.resolve(bundling({ format: 'peft' }))).toThrow('nothing else');
    expect(() => both.resolve(bundling())).toThrow('--lora-format kohya');
    await expect(
      createTrial({ plugins: [word, ppl({ target: 'frozen' })] }).then((it) => it.resolve()),
    ).rejects.toThrow('ppl has nothing to preserve beside textual-inversion');
  });
});
