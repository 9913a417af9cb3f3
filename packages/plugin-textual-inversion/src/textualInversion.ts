// Textual Inversion (Gal et al. 2022, arXiv 2208.01618) as a method: a new word learns what the pictures have in common.
import { definePlugin, type PluginDefaults } from '@likeness/core';
import { attachExported } from './attachEmbedding.ts';
import { initializerOf, textualInversionOptions } from './options.ts';
import { placeholderPrompts } from './prompts.ts';
import { trainNewWord } from './trainable.ts';

/** diffusers' README: 5e-4, multiplied by batch and accumulated batches; its script clips no gradients. */
const LEARNING_RATE = 5e-4;

/** Decay pulls a single vector towards zero, where no word is: none, other than diffusers' 1e-2. */
const WEIGHT_DECAY = 0;

const ALONE: PluginDefaults = {
  learningRate: LEARNING_RATE,
  scaleLr: true,
  gradientAccumulationSteps: 4,
  maxTrainSteps: 3000,
  maxGradNorm: 0,
  adamWeightDecay: WEIGHT_DECAY,
};

export const textualInversion = definePlugin({
  name: 'textual-inversion',
  version: '0.1.0',
  description: 'a new word learns the subject: a few numbers, the model stays as it is',
  options: textualInversionOptions,
  attachExport: attachExported,
  setup: (options, { prompts, seed, plugins }) => {
    const { numVectors: vectors, embeddingLearningRate } = options;
    const initializer = initializerOf(options, prompts.classNoun);
    const { word, ...wording } = placeholderPrompts(options, { prompts, seed });
    // Beside another method the run's settings are that method's, and the word has its own.
    const alone = plugins.length === 1;
    const learningRate = embeddingLearningRate ?? (alone ? undefined : LEARNING_RATE);
    const rates = {
      ...(learningRate === undefined ? {} : { learningRate }),
      ...(alone ? {} : { weightDecay: WEIGHT_DECAY }),
    };
    return {
      ...(alone ? { defaults: ALONE } : {}),
      ...wording,
      newWords: { [word]: vectors },
      classPromptReaches: false,
      trainable: (model) => trainNewWord(model, { word, vectors, initializer, seed, rates }),
    };
  },
});
