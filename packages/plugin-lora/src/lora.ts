// LoRA (Hu et al. 2021, arXiv 2106.09685) as a method: the model stays frozen, small adapters learn the subject.
import { definePlugin } from '@likeness/core';
import { attachAdapters } from './attach.ts';
import { checkBundle, checkDropout, checkFormat, checkStart, loraOptions } from './options.ts';
import { adaptModel } from './trainable.ts';

export const lora = definePlugin({
  name: 'lora',
  version: '0.1.0',
  description: 'low-rank adapters: a small file on top of a frozen model (LoRA, LoHa, LoKr, DoRA)',
  options: loraOptions,
  attachExport: (model, folder, { strength = 1 } = {}) => attachAdapters(model, folder, { weight: strength }),
  setup: (options, { seed, plugins }) => {
    checkFormat(options);
    checkDropout(options);
    checkStart(options);
    checkBundle(options, plugins);
    return {
      // diffusers' README for LoRA: 1e-4, 500 steps.
      defaults: { learningRate: 1e-4, maxTrainSteps: 500 },
      trainable: (model) => adaptModel(model, options, seed),
    };
  },
});
