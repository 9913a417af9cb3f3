// A method for core's own tests: trains the whole noise predictor, with everything else a plugin may bring on request.
import { tf } from '@likeness/engine';
import { z } from 'zod';
import type { Contributions } from '../plugins/definePlugin.ts';
import type { LossTerm, ModelComponent, ParameterGroup } from '../contracts.ts';
import { exportModel } from '../export/trainedWeights.ts';
import { denoisingLoss } from '../losses/denoisingLoss.ts';
import { definePlugin } from '../plugins/definePlugin.ts';

const options = z.strictObject({
  trainTextEncoder: z.boolean().default(false).describe('train the text encoder as well'),
  numClassImages: z.int().nonnegative().default(0).describe('class pictures; 0: none'),
  classDataDir: z
    .string()
    .optional()
    .meta({ description: 'class pictures that are there already', isPlace: true }),
  sampleBatchSize: z.int().positive().default(2).describe('class pictures at a time'),
  dividesByZero: z.boolean().default(false).describe('adds a loss term that is infinite'),
});

/** Named so that a recipe of core's tests reads `tiny`. */
export const tinyMethod = definePlugin({
  name: 'tiny',
  description: 'trains the whole network',
  options,
  setup: (
    { trainTextEncoder, numClassImages, classDataDir, sampleBatchSize, dividesByZero },
    { prompts },
  ) => {
    const lossTerms: LossTerm[] = [];
    if (numClassImages > 0) lossTerms.push(priorTerm);
    if (dividesByZero) lossTerms.push(infiniteTerm);
    const prior = {
      classPrompt: prompts.classPrompt ?? 'a thing',
      numClassImages,
      sampleBatchSize,
      ...(classDataDir === undefined ? {} : { classDataDir }),
    };
    return {
      trainsBaseWeights: true,
      trainable: (model) => {
        const components = [model.noisePredictor, ...(trainTextEncoder ? [model.textEncoder] : [])];
        return {
          groups: components.map(groupOf),
          touches: trainTextEncoder ? ['unet', 'text_encoder'] : ['unet'],
          export: (target) =>
            exportModel(
              target,
              components.map(({ name }) => name),
            ),
          detach: () => undefined,
        };
      },
      lossTerms,
      ...(numClassImages > 0 ? { prior } : {}),
    } satisfies Contributions;
  },
});

const groupOf = ({ name, parameters }: ModelComponent): ParameterGroup => ({
  name,
  variables: [...parameters.entries().values()].map(({ variable }) => variable),
});

const priorTerm: LossTerm = {
  name: 'prior',
  weight: 1,
  compute: ({ instance, prior = instance }) => denoisingLoss(prior),
};

const infiniteTerm: LossTerm = {
  name: 'infinite',
  weight: 1,
  compute: ({ instance }) => tf.div(denoisingLoss(instance), tf.zerosLike(instance.timestepWeights)),
};
