// What trains: weights of the model that are there already, found by their checkpoint keys.
import {
  exportModel,
  PluginError,
  stopGradient,
  tf,
  type Adapter,
  type DiffusionModel,
  type Tensor,
  type Trainable,
} from '@likeness/core';
import { crossAttentionKeys, writeTrainedWeights, type Part } from './weightsFile.ts';

const PARTS: Readonly<Record<CrossAttentionOptions['freezeModel'], readonly Part[]>> = {
  crossattn_kv: ['to_k', 'to_v'],
  crossattn: ['to_k', 'to_v', 'to_q', 'to_out.0'],
};

export interface CrossAttentionOptions {
  readonly freezeModel: 'crossattn_kv' | 'crossattn';
  readonly save: 'model' | 'weights' | 'both';
}

/**
 * Trains the cross-attention of the noise predictor.
 * @throws PluginError when the model has none
 */
export function trainCrossAttention(
  model: DiffusionModel,
  { freezeModel, save }: CrossAttentionOptions,
): Trainable {
  const { parameters } = model.noisePredictor;
  const trained = crossAttentionKeys(model, PARTS[freezeModel]);
  if (trained.length === 0) {
    throw new PluginError('the model has no cross-attention to train', {
      where: `plugin custom-diffusion, ${model.source}`,
      expected: 'weights called …attn2.to_k.weight, as in Stable Diffusion',
      got: [...parameters.entries().keys()].slice(0, 3).join(', '),
    });
  }
  const projections = [...parameters.layerPaths().keys()].filter((path) => /\.attn2\.to_[kv]$/.test(path));
  const takeOff = projections.map((path) => parameters.attach(path, withoutFirstToken));
  return {
    groups: [{ name: 'cross_attention', variables: trained.map(({ variable }) => variable) }],
    touches: ['unet'],
    export: async (target) => [
      ...(save === 'weights' ? [] : await exportModel(target, [model.noisePredictor.name])),
      ...(save === 'model' ? [] : await writeTrainedWeights(target, trained)),
    ],
    detach: () => {
      for (const off of takeOff.toReversed()) off();
    },
  };
}

/**
 * Keys or values whose first token, the start of every text, teaches nothing: its gradient is stopped, as in the
 * reference's `CustomDiffusionAttnProcessor`. The values stay as they are. `[B, T, D]`
 */
export const withoutFirstToken: Adapter = ({ base }) => {
  const projected = base();
  const [batch = 0, tokens = 0, width = 0] = projected.shape;
  const rows = (first: number, count: number): Tensor =>
    tf.slice(projected, [0, first, 0], [batch, count, width]);
  return tf.concat([stopGradient(rows(0, 1)), rows(1, tokens - 1)], 1);
};
