// From picture files to measures, beside transformers and lpips on the same files: decoding, preprocessing, networks,
// batches and metrics together. Features rtol 1e-4, atol 1e-5 as the fixtures have it; measures 1e-5.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeImage, readSafetensorsHeader, readTensor, type RgbImage } from '@likeness/core';
import { expect, it } from 'vitest';
import { computeMeasures } from '../metrics/computeMeasures.ts';
import { FIXTURES } from '../testing/fixtures.ts';
import { judgePictures, type Sighted } from './judgePictures.ts';
import { openJudges } from './openJudges.ts';

const { tensors } = await readSafetensorsHeader(join(FIXTURES, 'encoders.safetensors'));
const { end_to_end: expected } = JSON.parse(readFileSync(join(FIXTURES, 'metrics.json'), 'utf8')) as {
  end_to_end: Record<string, number> & { real: string[]; generated: string[]; prompt: string };
};
const { models } = JSON.parse(readFileSync(join(FIXTURES, 'encoders.json'), 'utf8')) as {
  models: Record<string, { features_rows: string[] }>;
};

it('files give the reference’s features and measures', async () => {
  const judges = await openJudges(
    {
      dino: join(FIXTURES, 'dino'),
      clip: join(FIXTURES, 'clip'),
      lpips: join(FIXTURES, 'lpips', 'alex-narrow.safetensors'),
    },
    { threads: 1, tokenizerFolder: join(FIXTURES, '../tiny-sd1/tokenizer') },
  );
  const picture = (file: string): Promise<RgbImage> =>
    decodeImage(join(FIXTURES, 'images', file), { alpha: 'drop' });
  const sighted: Sighted[] = [];
  for (const file of expected.real)
    sighted.push({ record: { set: 'reference', maker: 'given', sha256: '' }, image: await picture(file) });
  for (const [seed, file] of expected.generated.entries()) {
    const asked = { prompt: expected.prompt, text: expected.prompt, seed };
    sighted.push({
      record: { set: 'subject', maker: 'run', ...asked, sha256: '' },
      image: await picture(file),
    });
  }
  const judged = await judgePictures(sighted, judges, { metrics: [] });

  const files = [...expected.real, ...expected.generated];
  for (const [name, role] of [
    ['dino.features', 'dino'],
    ['clip.image_features', 'clip'],
  ] as const) {
    const entry = tensors.get(name)!;
    const width = entry.shape[1]!;
    const values = await readTensor(entry);
    for (const [i, { features }] of judged.pictures.entries()) {
      const row = models[role]!.features_rows.indexOf(files[i]!);
      const want = values.subarray(row * width, (row + 1) * width);
      const got = features[role]!;
      for (let k = 0; k < width; k++)
        expect(Math.abs(got[k]! - want[k]!), `${name} of ${files[i]}`).toBeLessThan(
          1e-5 + 1e-4 * Math.abs(want[k]!),
        );
    }
  }
  const { measures } = computeMeasures({ ...judged, facts: {} });
  expect(measures['dino']).toBeCloseTo(expected['dino']!, 5);
  expect(measures['clipI']).toBeCloseTo(expected['clip_i']!, 5);
  expect(measures['clipT']).toBeCloseTo(expected['clip_t']!, 5);
  expect(measures['div']).toBeCloseTo(expected['div']!, 5);
});
