// A method: what trains, and how the result is written. This one trains biases alone (BitFit, Ben Zaken et al. 2021,
// arXiv 2106.10199): a thousandth of the weights, and enough to move a model. Make it yours from here.
import { definePlugin, exportModel, PluginError, type DiffusionModel, type Trainable } from '@likeness/core';
import { z } from 'zod';

export default definePlugin({
  // What recipes say: pipeline run my-plugin
  name: 'my-plugin',
  version: '0.1.0',
  description: 'only the biases of the UNet learn the subject',
  conflicts: { dreambooth: 'it trains every weight of the UNet, these among them' },
  // Every option becomes a flag (--within); the description is its help. The schema is strict: typing errors are told.
  options: z.strictObject({
    within: z
      .string()
      .default('')
      .meta({ description: 'only layers whose path contains this, such as up_blocks; default: all' }),
  }),
  setup: ({ within }) => ({
    // What of core's options suits the method better; file and flags win over it.
    defaults: { learningRate: 1e-3, maxTrainSteps: 400 },
    trainable: (model) => trainBiases(model, within),
  }),
});

/** @throws PluginError when there is nothing of that name */
export function trainBiases(model: DiffusionModel, within: string): Trainable {
  const { name, parameters } = model.noisePredictor;
  // Keys are the checkpoint's own: down_blocks.0.resnets.0.conv1.bias
  const biases = [...parameters.entries().values()].filter(
    ({ key }) => key.endsWith('.bias') && key.includes(within),
  );
  if (biases.length === 0) {
    throw new PluginError('there is nothing to train', {
      where: 'plugin my-plugin, within',
      expected: 'part of a path such as down_blocks.0.resnets.0.conv1',
      got: within,
    });
  }
  return {
    groups: [{ name: 'biases', variables: biases.map(({ variable }) => variable) }],
    touches: ['unet'],
    // The model's own weights have moved: the whole model is written, and any tool opens it.
    export: (target) => exportModel(target, [name]),
    // Nothing was put over the model, so there is nothing to take off.
    detach: () => undefined,
  };
}
