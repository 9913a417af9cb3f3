// The tests every plugin passes, for LoRA and its relatives in every dialect that can hold them.
import { join } from 'node:path';
import { openTinyModel, testPlugin, type TestPluginOptions } from '@likeness/core/testing';
import { assert, describe, it } from 'vitest';
import { attachAdapters, lora, type LoraFormat } from './index.ts';

const FILES: Readonly<Record<LoraFormat, string>> = {
  diffusers: 'pytorch_lora_weights.safetensors',
  kohya: 'lora.safetensors',
  peft: 'unet/adapter_model.safetensors',
};
const reloadFrom =
  (format: LoraFormat): NonNullable<TestPluginOptions['reload']> =>
  async (folder, { baseFolder }) => {
    const model = await openTinyModel(baseFolder);
    const { initialValues } = await attachAdapters(model, join(folder, FILES[format]));
    return { model, initialValues };
  };
const config = { learningRate: 1e-2 };

const recipes: readonly (Record<string, unknown> & { format: LoraFormat })[] = [
  { format: 'diffusers', trainTextEncoder: true, textEncoderLearningRate: 1e-2, alpha: 2, rsLora: true },
  { format: 'kohya', targets: ['full'], rank: 2, blockRanks: ['down_blocks.**=3'], loraPlusRatio: 4 },
];
for (const options of recipes) {
  testPlugin(lora, { describe, it, assert, options, config, reload: reloadFrom(options.format) });
}
