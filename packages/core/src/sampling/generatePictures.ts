// Pictures from a model as it is: what examples and single calls need.
import { openGenerator, type GeneratorOptions, type PicturesAsked } from './openGenerator.ts';
import type { SampledPicture } from './samplePictures.ts';

export interface GenerateOptions extends GeneratorOptions, PicturesAsked {}

/** Makes pictures one after the other; each depends on its prompt and seed, not on its place. */
export async function* generatePictures(options: GenerateOptions): AsyncGenerator<SampledPicture> {
  const generator = await openGenerator(options);
  try {
    yield* generator.generate(options);
  } finally {
    await generator.close();
  }
}
