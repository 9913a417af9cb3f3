// From a picture to what an encoder sees: resize, center crop, rescale, normalise. 8-bit between resize and crop, as
// with PIL; the resize is Pillow 12's bit for bit (core, `data/resize.ts`). Published scores were made so.
import {
  centerCropOffset,
  cropImage,
  resizedSize,
  resizeImage,
  type Resample,
  type RgbImage,
} from '@likeness/core';

export interface Preprocessing {
  /** A number: the shorter side, aspect ratio kept; both sides: squashed to them. Absent: not resized. */
  readonly resize?: number | { readonly height: number; readonly width: number };
  readonly resample: Resample;
  readonly crop?: {
    readonly height: number;
    readonly width: number;
    /** Where the window starts: transformers floors `(n - crop) / 2`, torchvision rounds half to even. */
    readonly offset: 'floor' | 'round';
  };
  /** 8-bit levels are multiplied with it. */
  readonly rescaleFactor: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** ImageNet's, which DINO, DINOv2 and torchvision's classifiers were trained with. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
export const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/**
 * The evaluation transform of facebookresearch/dino (eval_knn.py): shorter side to 256, middle 224 cut out. Other
 * features than transformers' ViTImageProcessor gives, which squashes.
 */
export function dinoEvalPreprocessing({ resize = 256, crop = 224 } = {}): Preprocessing {
  return {
    resize,
    resample: 'bicubic',
    crop: { height: crop, width: crop, offset: 'round' },
    rescaleFactor: 1 / 255,
    mean: IMAGENET_MEAN,
    std: IMAGENET_STD,
  };
}

export interface EncoderPixels {
  readonly height: number;
  readonly width: number;
  /** `[height, width, 3]` */
  readonly pixels: Float32Array;
}

/** What an encoder sees of a picture. */
export function preprocess(picture: RgbImage, preprocessing: Preprocessing): EncoderPixels {
  const { width, height, data } = cropped(resized(picture, preprocessing), preprocessing);
  const { rescaleFactor, mean, std } = preprocessing;
  const levels = [0, 1, 2].map((channel) =>
    Float32Array.from(
      { length: 256 },
      (_, level) => (level * rescaleFactor - (mean[channel] ?? 0)) / (std[channel] ?? 1),
    ),
  );
  const pixels = Float32Array.from(data, (level, i) => levels[i % 3]?.[level] ?? 0);
  return { height, width, pixels };
}

/** `[height, width]` of what comes out. @returns undefined where it depends on the picture */
export function outputSize({ resize, crop }: Preprocessing): { height: number; width: number } | undefined {
  if (crop) return { height: crop.height, width: crop.width };
  return typeof resize === 'object' ? resize : undefined;
}

function resized(picture: RgbImage, { resize, resample }: Preprocessing): RgbImage {
  if (resize === undefined) return picture;
  const { width, height } = typeof resize === 'number' ? resizedSize(picture, resize) : resize;
  return resizeImage(picture, width, height, resample);
}

function cropped(picture: RgbImage, { crop }: Preprocessing): RgbImage {
  if (crop === undefined) return picture;
  const { width, height, offset } = crop;
  const start = (length: number, size: number): number =>
    offset === 'round' ? centerCropOffset(length, size) : Math.floor((length - size) / 2);
  return cropImage(picture, {
    width,
    height,
    left: start(picture.width, width),
    top: start(picture.height, height),
  });
}
