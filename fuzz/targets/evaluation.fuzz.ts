// Files of an evaluation, and settings beside judges: JSON with values of other kinds, names of built-in members, cut short.
import { parseFacts, parseRecordLines } from '../../packages/evaluation/src/records/parseRecords.ts';
import { parsePreprocessorConfig } from '../../packages/evaluation/src/preprocessing/preprocessorConfig.ts';
import { parseJson } from '../../packages/engine/src/fileErrors.ts';
import { fuzz } from '../fuzz.ts';
import { below, mutateJsonText, oneOf } from '../mutate.ts';

const CONFIGS = ['CLIPImageProcessor', 'ViTImageProcessorFast', 'constructor', 'toString', '__proto__'].map(
  (type) => ({
    image_processor_type: type,
    size: { shortest_edge: 224 },
    crop_size: { height: 224, width: 224 },
    resample: 3,
    image_mean: [0.5, 0.5, 0.5],
  }),
);
const RECORD = {
  set: 'subject',
  maker: 'run',
  prompt: 'a sks robot',
  seed: 1,
  sha256: 'ab',
  features: { dino: 0 },
  distances: [0.5],
  looks: { sharp: { edges: 1 } },
  scores: { dino: 0.5 },
};
const FACTS = {
  name: 'lora',
  weights: { model: 'ab' },
  settings: { seed: 0 },
  judges: { dino: { name: 'DINO', fingerprint: 'ab' } },
  facts: { exportBytes: 1 },
  texts: ['a robot'],
};

fuzz('preprocessor', {
  about: 'preprocessor_config.json',
  open: () => (random) => {
    const text = mutateJsonText(random, oneOf(random, CONFIGS));
    parsePreprocessorConfig(parseJson(text, 'preprocessor_config.json'), 'preprocessor_config.json');
  },
});

fuzz('records', {
  about: 'records of an evaluation',
  open: () => (random) => {
    if (below(random, 2) === 0) parseFacts(mutateJsonText(random, FACTS), 'evaluation.json');
    else parseRecordLines(`${JSON.stringify(RECORD)}\n${mutateJsonText(random, RECORD)}\n`, 'records.jsonl');
  },
});
