// DreamBooth: every weight of the noise predictor learns the subject (Ruiz et al. 2022, arXiv 2208.12242).
import { definePlugin, exportModel } from '@likeness/core';
import type { DiffusionModel, ModelComponent, ParameterGroup, Trainable } from '@likeness/core';
import { z } from 'zod';

export const dreambooth = definePlugin({
  name: 'dreambooth',
  version: '0.1.0',
  description: 'full fine-tuning: every weight of the UNet learns the subject',
  options: z.strictObject({
    trainTextEncoder: z.boolean().default(false).meta({ description: 'train the text encoder as well' }),
    textEncoderLearningRate: z
      .number()
      .positive()
      .optional()
      .meta({ description: "learning rate of the text encoder; default: the UNet's" }),
  }),
  setup: ({ trainTextEncoder, textEncoderLearningRate }) => ({
    // diffusers' README: 5e-6 and 400 steps without prior preservation, 2e-6 when the text encoder trains too.
    defaults: { learningRate: trainTextEncoder ? 2e-6 : 5e-6, maxTrainSteps: 400 },
    trainsBaseWeights: true,
    trainable: (model) => trainWholeModel(model, { trainTextEncoder, textEncoderLearningRate }),
  }),
});

export interface WholeModelOptions {
  readonly trainTextEncoder: boolean;
  readonly textEncoderLearningRate: number | undefined;
}

/** Trains all weights of the noise predictor, and of the text encoder if asked; exports the whole model. */
export function trainWholeModel(
  model: DiffusionModel,
  { trainTextEncoder, textEncoderLearningRate }: WholeModelOptions,
): Trainable {
  const groups = [groupOf(model.noisePredictor)];
  if (trainTextEncoder) groups.push(groupOf(model.textEncoder, textEncoderLearningRate));
  return {
    groups,
    touches: trainTextEncoder ? ['unet', 'text_encoder'] : ['unet'],
    export: (target) =>
      exportModel(
        target,
        groups.map(({ name }) => name),
      ),
    // Nothing was put over the model; its own weights have moved.
    detach: () => undefined,
  };
}

function groupOf({ name, parameters }: ModelComponent, learningRate?: number): ParameterGroup {
  const variables = [...parameters.entries().values()].map(({ variable }) => variable);
  return { name, variables, ...(learningRate === undefined ? {} : { learningRate }) };
}
