// Configs of the networks of a model.
import { readFile } from 'node:fs/promises';
import { parseClipTextConfig } from '../../packages/stable-diffusion/src/clipConfig.ts';
import { parseModelJson } from '../../packages/stable-diffusion/src/modelJson.ts';
import { parseUNetConfig } from '../../packages/stable-diffusion/src/unetConfig.ts';
import { parseVaeConfig } from '../../packages/stable-diffusion/src/vaeConfig.ts';
import { fuzz } from '../fuzz.ts';
import { mutateJsonText, oneOf } from '../mutate.ts';

fuzz('model-configs', {
  about: 'configs of networks',
  open: async () => {
    const read = async (name: string): Promise<unknown> =>
      JSON.parse(
        await readFile(new URL(`../../fixtures/tiny-sd1/${name}/config.json`, import.meta.url), 'utf8'),
      );
    const parts = [
      { config: await read('unet'), parse: parseUNetConfig },
      { config: await read('vae'), parse: parseVaeConfig },
      { config: await read('text_encoder'), parse: parseClipTextConfig },
    ] as const;
    return (random) => {
      const { config, parse } = oneOf(random, parts);
      parse(parseModelJson(mutateJsonText(random, config), 'config.json'));
    };
  },
});
