// How good a model's autoencoder and text encoder are, on captioned pictures they were not trained on: how well pictures
// come back, and how far words move the text states.
import { cacheDir as userCacheDir, openCache, startMachine, type DiffusionModel } from '@likeness/core';
import { findCaptionedPictures } from '../data/captionedPictures.ts';
import { openPictureStore } from '../data/pictureStore.ts';
import { planned } from '../objective.ts';
import { measureReconstructions, MEASURED_TOGETHER, reconstructing } from '../objectives/reconstruction.ts';
import { encodingTexts, measureTextStates } from './textStates.ts';
import type { Validation } from './validateEncoder.ts';

export interface ModelValidationOptions {
  readonly model: DiffusionModel;
  /** Folders of captioned pictures, none of them trained on. */
  readonly data: string | readonly string[];
  readonly threads: number;
  readonly cacheDir?: string | undefined;
}

/** @returns `psnr` in dB, mean over pictures; the mean absolute error of values in [-1, 1]; `apart.…` of text states */
export async function validateModel(options: ModelValidationOptions): Promise<Validation> {
  const { model, data, threads, cacheDir } = options;
  const { resolution } = model;
  const cache = openCache(cacheDir ?? userCacheDir());
  const pictures = await openPictureStore({
    pictures: await findCaptionedPictures(data),
    resolution,
    heldOutShare: 0,
    cache,
  });
  const limit = pictures.pictures.length;
  const together = MEASURED_TOGETHER;
  try {
    const machine = await startMachine(
      { model, threads, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
      {
        reconstruct: planned(
          reconstructing(model.latentCodec, resolution, together),
          Math.ceil(limit / together),
        ),
        encodeTexts: planned(encodingTexts(model), 1),
      },
    );
    try {
      const { program } = machine;
      return {
        pictures: limit,
        ...(await measureReconstructions(program, { pictures, together, resolution, limit })),
        ...(await measureTextStates(program, model, pictures.pictures)),
      };
    } finally {
      await machine.close();
    }
  } finally {
    await pictures.close();
  }
}
