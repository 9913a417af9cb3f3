// How well a model's autoencoder gives pictures back that it was not trained on.
import { cacheDir as userCacheDir, openCache, startMachine, type DiffusionModel } from '@likeness/core';
import { findCaptionedPictures } from '../data/captionedPictures.ts';
import { openPictureStore } from '../data/pictureStore.ts';
import { planned } from '../objective.ts';
import { measureReconstructions, MEASURED_TOGETHER, reconstructing } from '../objectives/reconstruction.ts';
import type { Validation } from './validateEncoder.ts';

export interface AutoencoderValidationOptions {
  readonly model: DiffusionModel;
  /** Folders of captioned pictures, none of them trained on. */
  readonly data: string | readonly string[];
  readonly threads: number;
  readonly cacheDir?: string | undefined;
}

/** @returns `psnr` in dB, mean over pictures, and the mean absolute error of values in [-1, 1] */
export async function validateAutoencoder(options: AutoencoderValidationOptions): Promise<Validation> {
  const { model, data, threads, cacheDir } = options;
  const { resolution } = model;
  const cache = openCache(cacheDir ?? userCacheDir());
  const pictures = await openPictureStore({
    pictures: await findCaptionedPictures(data),
    resolution,
    heldOutShare: 0,
    cache,
  });
  const count = pictures.pictures.length;
  const together = MEASURED_TOGETHER;
  try {
    const machine = await startMachine(
      { model, threads, mode: 'graph', precision: 'fp32', gradientCheckpointing: false },
      {
        reconstruct: planned(
          reconstructing(model.latentCodec, resolution, together),
          Math.ceil(count / together),
        ),
      },
    );
    try {
      const measured = { pictures, together, resolution, limit: count };
      return { pictures: count, ...(await measureReconstructions(machine.program, measured)) };
    } finally {
      await machine.close();
    }
  } finally {
    await pictures.close();
  }
}
