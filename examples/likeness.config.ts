// Settings of a run in a file: pipeline run --config likeness.config.ts. Flags win over it.
import { defineConfig } from '@likeness/core';

export default defineConfig({
  recipe: 'dreambooth+ppl',
  instanceDataDir: 'photos',
  classNoun: 'robot',
  maxTrainSteps: 300,
  checkpointingSteps: 100,
  samplePrompts: ['a photo of sks robot', 'a photo of sks robot in the snow', 'a photo of a robot'],
  pluginOptions: { ppl: { numClassImages: 64, priorLossWeight: 1 } },
});
