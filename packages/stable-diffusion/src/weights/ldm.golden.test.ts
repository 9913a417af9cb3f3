// Halfs of the same float32 weights: compared exactly.

import { expect, test } from 'vitest';
import type { Comparison } from '../parity/comparison.ts';
import { checkLdmFile } from '../parity/ldm.ts';

const FIXTURES = new URL('../../../../fixtures/', import.meta.url).pathname;

test('the LDM file of the fixtures is the diffusers folder, read and written', async () => {
  const comparisons: Comparison[] = [];
  for await (const comparison of checkLdmFile(FIXTURES)) comparisons.push(comparison);
  expect(comparisons.filter(({ ok }) => !ok)).toEqual([]);
  expect(comparisons.map(({ name }) => name)).toEqual([
    'ldm/key map of 384 tensors',
    'ldm/read/unet: 208 tensors',
    'ldm/read/vae: 124 tensors',
    'ldm/read/text_encoder: 52 tensors',
    'ldm/write: 384 tensors',
  ]);
});
