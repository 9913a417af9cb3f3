// Pictures of every kind that is read, damaged. Decoding is slow: fewer cases than elsewhere.
import { decodeImage } from '../../packages/core/src/data/decodeImage.ts';
import { encodedPictures } from '../../packages/core/src/testing/encodedPictures.ts';
import { fuzz } from '../fuzz.ts';
import { mutateBytes, oneOf } from '../mutate.ts';

fuzz('images', {
  about: 'pictures',
  cases: 1500,
  open: async () => {
    const inputs = await encodedPictures();
    return (random) => decodeImage(mutateBytes(random, oneOf(random, inputs)), { pixelLimit: 1_000_000 });
  },
});
