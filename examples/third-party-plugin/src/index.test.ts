// The tests every plugin passes, and what is this one's own.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tf, type LayerCall, type Tensor } from '@likeness/core';
import { createTinyModel, openTinyModel, temporaryFolder, testPlugin } from '@likeness/core/testing';
import customDiffusion, {
  readTrainedWeights,
  trainCrossAttention,
  WEIGHTS_FILE,
  withoutFirstToken,
} from './index.ts';

const config = { learningRate: 1e-2, scaleLr: false };

testPlugin(customDiffusion, { describe, it, assert, config });
testPlugin(customDiffusion, {
  describe,
  it,
  assert,
  config,
  options: { freezeModel: 'crossattn', save: 'weights' },
  reload: async (folder, { baseFolder }) => {
    const model = await openTinyModel(baseFolder);
    return { model, initialValues: await readTrainedWeights(join(folder, WEIGHTS_FILE), model) };
  },
});

describe('custom diffusion', () => {
  it('trains the cross-attention and nothing else', async () => {
    const model = await createTinyModel(join(temporaryFolder(), 'model'));
    const namesOf = (freezeModel: 'crossattn_kv' | 'crossattn'): string[] => {
      const { groups, detach } = trainCrossAttention(model, { freezeModel, save: 'model' });
      detach();
      const { parameters } = model.noisePredictor;
      const keyOf = new Map([...parameters.entries().values()].map(({ key, variable }) => [variable, key]));
      return groups
        .flatMap(({ variables }) => variables.map((variable) => keyOf.get(variable) ?? '?'))
        .sort();
    };
    const block = 'down_blocks.0.attentions.0.transformer_blocks.0.attn2';
    assert.deepEqual(namesOf('crossattn_kv'), [`${block}.to_k.weight`, `${block}.to_v.weight`]);
    assert.deepEqual(namesOf('crossattn'), [
      `${block}.to_k.weight`,
      `${block}.to_out.0.bias`,
      `${block}.to_out.0.weight`,
      `${block}.to_q.weight`,
      `${block}.to_v.weight`,
    ]);
  });

  it('learns nothing from the first token, and gives its key as it is', async () => {
    // tfjs' own backend computes at once; the engine's only records.
    const recording = tf.getBackend();
    await tf.setBackend('cpu');
    try {
      const states = tf.tensor3d([1, 2, 3, 4, 5, 6], [1, 3, 2]); // [B, T, D]
      const project = (weight: Tensor): Tensor =>
        withoutFirstToken({ base: () => tf.mul(states, weight) } as unknown as LayerCall);
      assert.deepEqual([...project(tf.scalar(2)).dataSync()], [2, 4, 6, 8, 10, 12]);
      const gradient = tf.grad((weight) => tf.sum(project(weight)))(tf.ones([1, 3, 2]));
      assert.deepEqual([...gradient.dataSync()], [0, 0, 3, 4, 5, 6]);
    } finally {
      await tf.setBackend(recording);
    }
  });
});
