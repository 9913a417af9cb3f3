// scheduler_config.json of a model: read, its schedule made, its sampler found.
import { readFile } from 'node:fs/promises';
import { parseModelJson } from '../../packages/stable-diffusion/src/modelJson.ts';
import { samplerForConfig } from '../../packages/stable-diffusion/src/samplers/index.ts';
import { createNoiseSchedule } from '../../packages/stable-diffusion/src/schedule/index.ts';
import { fuzz } from '../fuzz.ts';
import { below, mutateJsonText } from '../mutate.ts';

fuzz('scheduler-config', {
  about: 'configs of schedulers',
  open: async () => {
    const path = new URL('../../fixtures/tiny-sd1/scheduler/scheduler_config.json', import.meta.url);
    const real = JSON.parse(await readFile(path, 'utf8')) as object;
    return (random) => {
      const text = mutateJsonText(random, { ...real, num_train_timesteps: 50, lambda_min_clipped: null });
      const python = below(random, 2) === 0 ? text.replace('null', '-Infinity') : text;
      const { config } = createNoiseSchedule(parseModelJson(python, 'scheduler_config.json'));
      samplerForConfig(config);
    };
  },
});
