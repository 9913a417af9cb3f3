// The tests every plugin passes.
import { join } from 'node:path';
import { openTinyModel, testPlugin } from '@likeness/core/testing';
import { assert, describe, it } from 'vitest';
import { attachEmbedding, EMBEDDING_FILE, textualInversion } from './index.ts';

testPlugin(textualInversion, {
  describe,
  it,
  assert,
  options: { numVectors: 2, initializerRandom: true },
  config: { learningRate: 1e-2, gradientAccumulationSteps: 1 },
  reload: async (folder, { baseFolder }) => {
    const model = await openTinyModel(baseFolder);
    const { initialValues } = await attachEmbedding(model, join(folder, EMBEDDING_FILE));
    return { model, initialValues };
  },
});
