// Files of a tokenizer, each of them mutated now and then.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTokenizer, readTokenizerFiles } from '../../packages/stable-diffusion/src/tokenizer/index.ts';
import { fuzz } from '../fuzz.ts';
import { mutateJsonText, mutateText, oneOf } from '../mutate.ts';

const LETTERS = [
  'a',
  'b',
  'c',
  'a</w>',
  'b</w>',
  'c</w>',
  'ab',
  'ab</w>',
  '<|startoftext|>',
  '<|endoftext|>',
];
const VOCAB = Object.fromEntries(LETTERS.map((token, id) => [token, id]));
const MERGES = '#version: 0.2\na b\na b</w>\n';
const CONFIG = {
  model_max_length: 77,
  pad_token: { content: '!', normalized: true },
  added_tokens_decoder: { '8': { content: '<|startoftext|>', special: true } },
};

fuzz('tokenizer', {
  about: 'files of tokenizers',
  cases: 3000,
  open: (folder) => async (random) => {
    const which = oneOf(random, ['vocab.json', 'merges.txt', 'tokenizer_config.json'] as const);
    const texts = {
      'vocab.json': which === 'vocab.json' ? mutateJsonText(random, VOCAB) : JSON.stringify(VOCAB),
      'merges.txt': which === 'merges.txt' ? mutateText(random, MERGES) : MERGES,
      'tokenizer_config.json':
        which === 'tokenizer_config.json' ? mutateJsonText(random, CONFIG) : JSON.stringify(CONFIG),
    };
    for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text);
    createTokenizer(await readTokenizerFiles(folder)).encodePadded('a cab! <|endoftext|> abc');
  },
});
