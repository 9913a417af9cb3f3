// Pixels beside transformers' and torchvision's on Pillow 12, on pictures of odd sizes, gray and with transparency.
// No 8-bit level may be off: one would be 0.0175, the float32 normalisation leaves 1e-6.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage, readSafetensorsHeader, readTensor } from '@likeness/core';
import { describe, expect, it } from 'vitest';
import { channelsFirst, FIXTURES } from '../testing/fixtures.ts';
import { dinoEvalPreprocessing, preprocess, type Preprocessing } from './preprocess.ts';
import { parsePreprocessorConfig, readPreprocessorConfig } from './preprocessorConfig.ts';

describe('preprocessing', () => {
  it.each(['dino', 'dinov2', 'clip', 'dino.eval'])('%s sees the reference’s pixels', async (encoder) => {
    const isEval = encoder === 'dino.eval';
    const preprocessing: Preprocessing = isEval
      ? dinoEvalPreprocessing({ resize: 55, crop: 48 })
      : await readPreprocessorConfig(join(FIXTURES, encoder));
    const { tensors } = await readSafetensorsHeader(join(FIXTURES, 'encoders.safetensors'));
    const files = await readdir(join(FIXTURES, 'images'));
    expect(files).toHaveLength(12);
    for (const file of files) {
      const picture = await decodeImage(join(FIXTURES, 'images', file), { alpha: 'drop' });
      const expected = await readTensor(
        tensors.get(isEval ? `dino.eval_pixels.${file}` : `${encoder}.pixels.${file}`)!,
      );
      const got = channelsFirst(preprocess(picture, preprocessing).pixels);
      expect(got).toHaveLength(expected.length);
      const worst = got.reduce((max, value, i) => Math.max(max, Math.abs(value - (expected[i] ?? NaN))), 0);
      expect(worst, `${encoder} ${file}`).toBeLessThan(2e-6);
    }
  });

  it('reads the bare numbers of old files as their processor did', () => {
    const clip = parsePreprocessorConfig(
      { feature_extractor_type: 'CLIPFeatureExtractor', size: 224, crop_size: 224, resample: 3 },
      'clip',
    );
    expect(clip).toMatchObject({ resize: 224, crop: { height: 224, width: 224, offset: 'floor' } });
    const vit = parsePreprocessorConfig({ feature_extractor_type: 'ViTFeatureExtractor', size: 224 }, 'vit');
    expect(vit).toMatchObject({
      resize: { height: 224, width: 224 },
      resample: 'bilinear',
      mean: [0.5, 0.5, 0.5],
    });
    expect(vit.crop).toBeUndefined();
  });

  it('refuses what it does not do', () => {
    expect(() => parsePreprocessorConfig({ image_processor_type: 'SamImageProcessor' }, 'sam')).toThrow(
      /nobody knows/,
    );
    expect(() =>
      parsePreprocessorConfig({ image_processor_type: 'ViTImageProcessor', resample: 0 }, 'vit'),
    ).toThrow(/resample 1/);
    expect(() =>
      parsePreprocessorConfig(
        { image_processor_type: 'ViTImageProcessor', size: { shortest_edge: 32 } },
        'vit',
      ),
    ).toThrow(/many sizes/);
  });
});
