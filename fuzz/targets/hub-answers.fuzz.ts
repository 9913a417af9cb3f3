// Answers of the Hub: no name in them may lead outside the cache.
import {
  commitOf,
  isPathBelow,
  remoteFiles,
} from '../../packages/stable-diffusion/src/weights/hubAnswers.ts';
import { chooseHubFiles } from '../../packages/stable-diffusion/src/weights/hubFiles.ts';
import { fuzz } from '../fuzz.ts';
import { mutateJson } from '../mutate.ts';

const SHA = '0123456789abcdef0123456789abcdef01234567';
const PATHS = [
  'model_index.json',
  'scheduler/scheduler_config.json',
  'tokenizer/vocab.json',
  'unet/config.json',
  'unet/diffusion_pytorch_model.safetensors',
  'vae/config.json',
  'vae/diffusion_pytorch_model.fp16.safetensors',
  'text_encoder/config.json',
  'text_encoder/model.safetensors',
];
const LISTING = PATHS.map((path) => ({
  type: 'file',
  path,
  size: 10,
  oid: SHA,
  lfs: { oid: 'ab'.repeat(32), size: 10, pointerSize: 130 },
}));

fuzz('hub-answers', {
  about: 'answers of the Hub',
  open: () => async (random) => {
    commitOf(mutateJson(random, { _id: '1', id: 'a/b', sha: SHA }), 'a/b');
    const listing = mutateJson(random, LISTING);
    const files = await remoteFiles(Array.isArray(listing) ? listing : [listing], 'a/b');
    for (const { path, etag } of files)
      if (!isPathBelow(path) || !/^[\w-]+$/.test(etag)) throw new Error(`${path} ${etag} leads elsewhere`);
    chooseHubFiles(
      'a/b',
      files.map(({ path }) => path),
    );
  },
});
