// Against Pillow 12.3 and torchvision 0.28 (fixtures/image-transform). sharp's decoders and this resize reproduce
// them bit for bit, JPEGs included, so everything is compared exactly here; `checkImages` itself allows the
// fixture's tolerances, for machines where sharp is built on another JPEG decoder.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkImages, type Comparison } from './imageParity.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures', import.meta.url));

async function collect(folder: string): Promise<Comparison[]> {
  const all: Comparison[] = [];
  for await (const comparison of checkImages(folder)) all.push(comparison);
  return all;
}

test('decoding, DreamBooth and textual inversion preprocessing equal the reference', async () => {
  const all = await collect(fixtures);
  expect(all.filter(({ ok }) => !ok)).toEqual([]);
  const inexact = all.filter(({ maxAbs }) => maxAbs > 0);
  expect(inexact).toEqual([]);
  expect(all.filter(({ note }) => note !== undefined)).toEqual([]);
  const arrays = all.filter(({ name }) => !name.endsWith('_size'));
  expect(arrays).toHaveLength(14 + 14 + 2 + 4); // rgb, dreambooth, flipped, squash_bicubic
});

test('a folder without fixtures is named', async () => {
  await expect(collect('/nonexistent')).rejects.toThrow(/\/nonexistent: no image fixtures here/);
});
