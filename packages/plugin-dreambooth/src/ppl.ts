// Prior preservation as a plugin of its own: it asks for class pictures, or for what the frozen model says of the class,
// and adds their loss to any method's.
import {
  ConfigError,
  definePlugin,
  PluginError,
  type FrozenPrior,
  type GeneratedPrior,
  type LossTerm,
} from '@likeness/core';
import { z } from 'zod';
import { priorPreservationLoss } from './priorPreservationLoss.ts';

const options = z.strictObject({
  target: z.enum(['generated', 'frozen']).default('generated').meta({
    description:
      "what keeps the class: pictures the model made of it, or (beside adapters) the frozen model's prediction, which needs none",
    flag: 'prior-target',
  }),
  numClassImages: z.int().positive().default(200).meta({ description: 'class pictures to have' }),
  priorLossWeight: z
    .number()
    .nonnegative()
    .default(1)
    .meta({ description: "λ: weight of the class's loss beside the subject's" }),
  classDataDir: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'your own class pictures; the model makes those that are missing', isPlace: true }),
  classSampler: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "sampler of class pictures; default: the model's" }),
  classInferenceSteps: z
    .int()
    .positive()
    .optional()
    .meta({ description: 'steps of that sampler; default: the run’s' }),
  classGuidanceScale: z
    .number()
    .nonnegative()
    .optional()
    .meta({ description: 'guidance of class pictures; default: the run’s' }),
  sampleBatchSize: z.int().positive().default(4).meta({ description: 'class pictures made at a time' }),
});

export const ppl = definePlugin({
  name: 'ppl',
  version: '0.1.0',
  description: 'prior preservation: keeps the class as the base model knows it',
  options,
  setup: (settings, { prompts }) => {
    if (prompts.classPrompt === undefined) {
      throw new ConfigError('prior preservation needs to know the class', {
        code: 'config/no-class',
        expected: 'classNoun (--class-noun dog) or classPrompt (--class-prompt "a photo of a dog")',
        got: 'neither',
      });
    }
    return {
      // diffusers' README: twice the steps, since half of every batch is class pictures.
      defaults: { maxTrainSteps: 800 },
      prior:
        settings.target === 'frozen'
          ? frozenPrior(prompts.classPrompt, settings)
          : generatedPrior(prompts.classPrompt, settings),
      lossTerms: [priorPreservationTerm(settings.priorLossWeight)],
    };
  },
});

/** The loss of the class with its weight λ: `mean(instance) + λ · mean(prior)`, two means, as in the paper. */
export function priorPreservationTerm(weight: number): LossTerm {
  return {
    name: 'prior_preservation',
    weight,
    compute: ({ prior }) => {
      if (prior === undefined) {
        throw new PluginError('the batch holds nothing of the class', {
          code: 'plugin/no-prior',
          where: 'plugin ppl',
          expected: 'a batch with a prior part, which its prior request asks for',
        });
      }
      return priorPreservationLoss(prior);
    },
  };
}

function generatedPrior(classPrompt: string, settings: z.output<typeof options>): GeneratedPrior {
  const {
    numClassImages,
    classDataDir,
    classSampler,
    classInferenceSteps,
    classGuidanceScale,
    sampleBatchSize,
  } = settings;
  return {
    classPrompt,
    numClassImages,
    sampleBatchSize,
    ...(classDataDir === undefined ? {} : { classDataDir }),
    ...(classSampler === undefined ? {} : { sampler: classSampler }),
    ...(classInferenceSteps === undefined ? {} : { numInferenceSteps: classInferenceSteps }),
    ...(classGuidanceScale === undefined ? {} : { guidanceScale: classGuidanceScale }),
  };
}

/** @throws ConfigError when options of class pictures are set, of which there are none */
function frozenPrior(classPrompt: string, settings: z.output<typeof options>): FrozenPrior {
  const idle = (
    ['classDataDir', 'classSampler', 'classInferenceSteps', 'classGuidanceScale'] as const
  ).filter((name) => settings[name] !== undefined);
  if (idle.length > 0) {
    throw new ConfigError(
      'the frozen model is asked about the pictures of the subject: there are no class pictures',
      {
        code: 'config/contradiction',
        where: idle.join(', '),
        expected: 'none of them with target frozen (--prior-target frozen)',
      },
    );
  }
  return { target: 'frozen', classPrompt };
}
