// The tests every plugin passes, on a model of a few thousand weights, and those of your own.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createTinyModel, temporaryFolder, testPlugin } from '@likeness/core/testing';
import plugin, { trainBiases } from './index.ts';

testPlugin(plugin, { describe, it, assert });
testPlugin(plugin, { describe, it, assert, options: { within: 'resnets' } });

describe('trainBiases', () => {
  it('takes the biases of the layers asked for, and refuses to train nothing', async () => {
    const model = await createTinyModel(join(temporaryFolder(), 'model'));
    const all = [...model.noisePredictor.parameters.entries().keys()].filter((key) => key.endsWith('.bias'));
    const [group] = trainBiases(model, '').groups;
    assert.equal(group?.variables.length, all.length);
    assert.throws(() => trainBiases(model, 'no_such_block'), /there is nothing to train/);
  });
});
