// Tries the plugin while it is being written, without building it: npx pipeline run --config likeness.config.ts
import { defineConfig } from '@likeness/core';
import plugin from './src/index.ts';

export default defineConfig({
  recipe: 'dreambooth+my-plugin',
  plugins: [plugin()],
  maxTrainSteps: 200,
});
