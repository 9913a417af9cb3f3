// What a broken model gives itself away by: numbers that are none, one colour, the same picture for every seed.
import { createHash } from 'node:crypto';
import type { RgbImage } from '../data/rgbImage.ts';
import { WeightsError, type Warning } from '../errors.ts';

/**
 * @param pixels what the decoder made of one picture
 * @param source the model's name
 * @throws WeightsError when a number is infinite or none
 */
export function requireNumbers(pixels: Float32Array, source: string): void {
  const wrong = pixels.reduce((count, value) => (Number.isFinite(value) ? count : count + 1), 0);
  if (wrong === 0) return;
  throw new WeightsError('the model draws no numbers', {
    code: 'model/not-finite',
    where: source,
    expected: 'finite numbers',
    got: `NaN or infinity in ${((100 * wrong) / pixels.length).toFixed(0)} % of a picture's values`,
    hint: 'weights hold NaN, or numbers too large for their type: download or export it again; after training, an earlier checkpoint or a smaller --learning-rate',
  });
}

/** Watches pictures as they come, and warns once of each kind. */
export function pictureCheck(warn: (warning: Warning) => void): (image: RgbImage, seed: number) => void {
  const seeds = new Map<string, number>();
  const told = new Set<string>();
  const tell = (code: string, text: string): void => {
    if (!told.has(code)) warn({ code, text });
    told.add(code);
  };
  return (image, seed) => {
    const colour = onlyColour(image);
    if (colour !== undefined) {
      tell(
        'model/one-colour',
        `the picture of seed ${seed} is one colour (${colour}): the model's weights may be damaged, or too large for their number type`,
      );
    }
    const hash = createHash('sha256').update(image.data).digest('hex');
    const other = seeds.get(hash);
    if (other !== undefined && other !== seed) {
      tell(
        'model/same-pictures',
        `seeds ${other} and ${seed} give the same picture, pixel by pixel: the model does not look at its noise; its weights may be damaged`,
      );
    }
    seeds.set(hash, seed);
  };
}

/** `#000000` when every pixel is. */
function onlyColour({ data }: RgbImage): string | undefined {
  for (let i = 3; i < data.length; i++) if (data[i] !== data[i - 3]) return undefined;
  return `#${Buffer.from(data.subarray(0, 3)).toString('hex')}`;
}
