// JSON from files, as every reader of ours gets it.
import { parseJson } from '../../packages/engine/src/fileErrors.ts';
import { fuzz } from '../fuzz.ts';
import { mutateJsonText } from '../mutate.ts';

const REAL = {
  r: 4,
  lora_alpha: 8,
  target_modules: ['to_q', 'to_k'],
  alpha_pattern: { 'down.0': 2 },
  bias: 'none',
};

fuzz('json', {
  about: 'JSON files',
  open: () => (random) => parseJson(mutateJsonText(random, REAL), 'adapter_config.json'),
});
