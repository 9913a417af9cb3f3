// The objective of each network.
import type { PictureStore } from '../data/pictureStore.ts';
import type { Objective } from '../objective.ts';
import type { ComputeSetting } from '../stages/context.ts';
import { classifierObjective } from './classifier.ts';
import { imageEncoderObjective } from './imageEncoder.ts';
import { imageTextObjective } from './imageText.ts';
import { textEncoderObjective } from './textEncoder.ts';
import { unetObjective } from './unet.ts';
import { vaeObjective } from './vae.ts';

export function objectiveOf(setting: ComputeSetting, pictures: PictureStore): Objective {
  const { config } = setting;
  switch (setting.network) {
    case 'vae':
      return vaeObjective(setting, pictures, config.vae);
    case 'text-encoder':
      return textEncoderObjective(setting, pictures, config.textEncoder);
    case 'unet':
      return unetObjective(setting, pictures, config.unet);
    case 'image-encoder':
      return imageEncoderObjective(setting, pictures, config.imageEncoder);
    case 'image-text':
      return imageTextObjective(setting, pictures, config.imageText);
    case 'classifier':
      return classifierObjective(setting, pictures, config.classifier);
  }
}
