// Tries the plugin while it is being written, without building it: npx pipeline run --config likeness.config.ts
import { defineConfig } from '@likeness/core';
import plugin from './src/index.ts';

export default defineConfig({
  recipe: 'my-plugin',
  plugins: [plugin()],
  // The bundled model is small and learns at higher rates than Stable Diffusion.
  learningRate: 1e-2,
  maxTrainSteps: 200,
});
