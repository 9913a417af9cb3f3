// LoHa, LoKr and DoRA through the same contract, and beside prior preservation.
import { join } from 'node:path';
import { openTinyModel, testPlugin, type TestPluginOptions } from '@likeness/core/testing';
import { ppl } from '@likeness/plugin-dreambooth';
import { assert, describe, it } from 'vitest';
import { attachAdapters, lora } from './index.ts';

const reload: NonNullable<TestPluginOptions['reload']> = async (folder, { baseFolder }) => {
  const model = await openTinyModel(baseFolder);
  const { initialValues } = await attachAdapters(model, join(folder, 'lora.safetensors'));
  return { model, initialValues };
};
const config = { learningRate: 1e-2 };

for (const options of [
  { variant: 'loha', format: 'kohya', targets: ['**.to_q', 'conv1'], dora: true },
  { variant: 'lokr', format: 'kohya', targets: ['**.to_q', 'conv1'], rank: 2 },
]) {
  testPlugin(lora, { describe, it, assert, options, config, reload });
}

testPlugin(lora, {
  describe,
  it,
  assert,
  options: { dora: true, format: 'peft', initialisation: 'kaiming' },
  beside: [ppl({ numClassImages: 2 })],
  config,
  reload: async (folder, { baseFolder }) => {
    const model = await openTinyModel(baseFolder);
    const { initialValues } = await attachAdapters(model, join(folder, 'unet/adapter_model.safetensors'));
    return { model, initialValues };
  },
});
