// Custom Diffusion (Kumari et al. 2023, arXiv 2212.04488): what the text says reaches the picture through the keys and
// values of the cross-attention alone, so they alone learn the subject. Reference: diffusers' train_custom_diffusion.py.
import { definePlugin } from '@likeness/core';
import { z } from 'zod';
import { trainCrossAttention } from './trainable.ts';

export default definePlugin({
  name: 'custom-diffusion',
  version: '0.1.0',
  description: "only the cross-attention's keys and values learn the subject",
  conflicts: { dreambooth: 'it trains every weight of the UNet, these among them' },
  options: z.strictObject({
    freezeModel: z
      .enum(['crossattn_kv', 'crossattn'])
      .default('crossattn_kv')
      .meta({ description: 'what stays trainable: keys and values, or the whole cross-attention' }),
    save: z
      .enum(['model', 'weights', 'both'])
      .default('model')
      .meta({ description: 'the whole model, or a small file of what trained, which diffusers loads' }),
  }),
  setup: ({ freezeModel, save }) => ({
    // diffusers' README: 250 steps of 2 pictures at 1e-5, multiplied by the batch size.
    defaults: { learningRate: 1e-5, scaleLr: true, maxTrainSteps: 250, trainBatchSize: 2, randomFlip: true },
    trainsBaseWeights: true,
    trainable: (model) => trainCrossAttention(model, { freezeModel, save }),
  }),
});

export { trainCrossAttention, withoutFirstToken, type CrossAttentionOptions } from './trainable.ts';
export { readTrainedWeights, WEIGHTS_FILE } from './weightsFile.ts';
