// `preprocessor_config.json` of transformers, as published beside encoders: which steps there are, with the defaults of
// the processor the file names. Old files hold bare numbers (`"size": 224`) where newer ones hold objects.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, parseJson, type Resample } from '@likeness/core';
import { z } from 'zod';
import type { Preprocessing } from './preprocess.ts';

type Triple = readonly [number, number, number];

/** image_utils.py of transformers. */
const OPENAI_CLIP_MEAN: Triple = [0.48145466, 0.4578275, 0.40821073];
const OPENAI_CLIP_STD: Triple = [0.26862954, 0.26130258, 0.27577711];
const HALF: Triple = [0.5, 0.5, 0.5];

/** What a processor does where its file says nothing. */
interface ProcessorDefaults {
  /** A bare number for `size`: the shorter side, or both sides. */
  readonly bareSize: 'shorterSide' | 'square';
  readonly size: number;
  readonly crop?: number;
  readonly resample: number;
  readonly mean: Triple;
  readonly std: Triple;
}

const CLIP: ProcessorDefaults = {
  bareSize: 'shorterSide',
  size: 224,
  crop: 224,
  resample: 3,
  mean: OPENAI_CLIP_MEAN,
  std: OPENAI_CLIP_STD,
};
const VIT: ProcessorDefaults = { bareSize: 'square', size: 224, resample: 2, mean: HALF, std: HALF };

/** CLIPImageProcessor, BitImageProcessor (DINOv2) and ViTImageProcessor (DINO), with their older names. */
const PROCESSORS: Readonly<Record<string, ProcessorDefaults>> = {
  CLIPImageProcessor: CLIP,
  CLIPFeatureExtractor: CLIP,
  BitImageProcessor: CLIP,
  ViTImageProcessor: VIT,
  ViTFeatureExtractor: VIT,
};

/** PIL's numbers. */
const RESAMPLES: Readonly<Record<number, Resample>> = { 1: 'lanczos', 2: 'bilinear', 3: 'bicubic', 4: 'box' };

/** Pixels; no network sees more. */
const side = z.int().positive().max(16_384);
const rectangle = z.object({ height: side, width: side });
const triple = z.tuple([z.number(), z.number(), z.number()]);
const processorFile = z.object({
  image_processor_type: z.string().optional(),
  feature_extractor_type: z.string().optional(),
  do_resize: z.boolean().default(true),
  size: z.union([side, rectangle, z.object({ shortest_edge: side })]).optional(),
  resample: z.int().optional(),
  do_center_crop: z.boolean().optional(),
  crop_size: z.union([side, rectangle]).optional(),
  do_rescale: z.boolean().default(true),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  do_normalize: z.boolean().default(true),
  image_mean: triple.optional(),
  image_std: triple.optional(),
});

/**
 * Reads a `preprocessor_config.json`.
 * @param value the parsed file
 * @param where named in errors
 * @throws DataError for another kind of processor, or one whose output has no fixed size
 */
export function parsePreprocessorConfig(value: unknown, where: string): Preprocessing {
  const read = processorFile.safeParse(value);
  if (!read.success) {
    throw new DataError('not the settings of an image processor', {
      code: 'evaluation/preprocessing',
      where,
      details: read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    });
  }
  const file = read.data;
  const type = file.image_processor_type ?? file.feature_extractor_type ?? 'CLIPImageProcessor';
  // The suffixes name another implementation of the same steps.
  const known = type.replace(/(Fast|Pil)$/, '');
  const defaults = Object.hasOwn(PROCESSORS, known) ? PROCESSORS[known] : undefined;
  if (defaults === undefined) {
    throw new DataError('an image processor nobody knows here', {
      code: 'evaluation/preprocessing',
      where,
      expected: Object.keys(PROCESSORS).join(', '),
      got: type,
    });
  }
  const resample = RESAMPLES[file.resample ?? defaults.resample];
  if (resample === undefined) {
    throw new DataError('pictures cannot be resized so', {
      code: 'evaluation/preprocessing',
      where,
      expected: 'resample 1 (lanczos), 2 (bilinear), 3 (bicubic) or 4 (box)',
      got: String(file.resample),
    });
  }
  const resize = file.do_resize ? { resize: resizeOf(file.size, defaults), resample } : { resample };
  const crop =
    (file.do_center_crop ?? defaults.crop !== undefined)
      ? rectangleOf(file.crop_size ?? defaults.crop ?? defaults.size)
      : undefined;
  if (crop === undefined && !('resize' in resize && typeof resize.resize === 'object')) {
    throw new DataError('its pictures would have many sizes', {
      code: 'evaluation/preprocessing',
      where,
      expected: 'a crop, or a size of height and width',
      got: JSON.stringify({ size: file.size, do_center_crop: file.do_center_crop }),
    });
  }
  return {
    ...resize,
    ...(crop === undefined ? {} : { crop: { ...crop, offset: 'floor' } }),
    rescaleFactor: file.do_rescale ? file.rescale_factor : 1,
    mean: file.do_normalize ? (file.image_mean ?? defaults.mean) : [0, 0, 0],
    std: file.do_normalize ? (file.image_std ?? defaults.std) : [1, 1, 1],
  };
}

/**
 * The preprocessing of an encoder's folder.
 * @throws DataError when the file is missing or no JSON
 */
export async function readPreprocessorConfig(folder: string): Promise<Preprocessing> {
  const path = join(folder, 'preprocessor_config.json');
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new DataError('no settings of an image processor', {
      code: 'evaluation/preprocessing',
      where: path,
      expected: 'the preprocessor_config.json that is published beside an encoder',
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  });
  return parsePreprocessorConfig(parseJson(text, path), path);
}

function resizeOf(
  size: z.output<typeof processorFile>['size'],
  { bareSize, size: defaultSize }: ProcessorDefaults,
): NonNullable<Preprocessing['resize']> {
  const asked = size ?? defaultSize;
  if (typeof asked === 'number') return bareSize === 'square' ? { height: asked, width: asked } : asked;
  return 'shortest_edge' in asked ? asked.shortest_edge : asked;
}

function rectangleOf(size: number | { readonly height: number; readonly width: number }): {
  readonly height: number;
  readonly width: number;
} {
  return typeof size === 'number' ? { height: size, width: size } : size;
}
