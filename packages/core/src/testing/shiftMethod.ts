// A method for core's own tests: an adapter over a frozen model. It adds a trained vector to one layer's output, and
// starts wherever it is told, so that the base model and the adapted one differ from the first step on.
import { createVariable, tf, variableInfo } from '@likeness/engine';
import { z } from 'zod';
import type { DiffusionModel, LossTerm, PriorRequest, Trainable } from '../contracts.ts';
import { denoisingLoss } from '../losses/denoisingLoss.ts';
import { definePlugin } from '../plugins/definePlugin.ts';

const LAYER = 'conv_in';

const options = z.strictObject({
  start: z.number().default(0.5).describe('first value of the shift'),
  numClassImages: z.int().nonnegative().default(0).describe('class pictures; 0: none'),
  frozen: z.boolean().default(false).describe('take the frozen model for the class'),
});

/** Named so that a recipe of core's tests reads `shift`. */
export const shiftMethod = definePlugin({
  name: 'shift',
  description: 'adds a vector to a layer',
  options,
  setup: ({ start, numClassImages, frozen }, { prompts: { classPrompt = 'a thing' } }) => {
    const prior: PriorRequest = frozen
      ? { target: 'frozen', classPrompt }
      : { classPrompt, numClassImages, sampleBatchSize: 2 };
    const withPrior = frozen || numClassImages > 0;
    return {
      trainable: (model) => shift(model, start),
      ...(withPrior ? { prior, lossTerms: [priorTerm] } : {}),
    };
  },
});

function shift({ noisePredictor: { parameters } }: DiffusionModel, start: number): Trainable {
  const [channels = 1] = parameters.entries().get(`${LAYER}.bias`)?.shape ?? [];
  const variable = createVariable({ name: `shift.${LAYER}`, shape: [channels] });
  const takeOff = parameters.attach(LAYER, ({ base }) => tf.add(base(), variable));
  return {
    groups: [{ name: 'shift', variables: [variable] }],
    touches: ['unet'],
    initialValues: new Map([[variableInfo(variable).name, new Float32Array(channels).fill(start)]]),
    export: () => Promise.resolve([]),
    detach: () => {
      takeOff();
      variable.dispose();
    },
  };
}

const priorTerm: LossTerm = {
  name: 'prior',
  weight: 1,
  compute: ({ instance, prior = instance }) => denoisingLoss(prior),
};
