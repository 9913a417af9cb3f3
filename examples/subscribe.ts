// A run from code, without the command: settings, model and plugins go in, events come out.
//
// A run is a cold Observable: nothing happens until somebody subscribes, and unsubscribing stops it cleanly, with a
// checkpoint. Run it with any TypeScript runner, from a folder where the packages are installed:
//
//   node --import jiti/register subscribe.ts
import { modelFacts, resolveConfig, runPipeline } from '@likeness/core';
import { modelDir, subjects } from '@likeness/doodle';
import { dreambooth, ppl } from '@likeness/plugin-dreambooth';
import { loadModel } from '@likeness/stable-diffusion';

const model = await loadModel(modelDir);
const { config, plugins } = resolveConfig({
  plugins: [dreambooth(), ppl({ numClassImages: 4 })],
  layers: [
    {
      name: 'this script',
      values: { subject: 'tuxedo-cat', maxTrainSteps: 5, mode: 'graph', samples: false },
    },
  ],
  model: modelFacts(model),
  subjects,
});

runPipeline({ config, plugins, model }).subscribe({
  next(event) {
    if (event.type === 'step') console.log(`step ${event.step}: loss ${event.loss.toFixed(4)}`, event.terms);
    if (event.type === 'run-finished') console.log(`the model lies in ${event.export}`);
  },
  error(error: unknown) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
});
