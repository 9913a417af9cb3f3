// What a run makes of the files in a folder: captions, masks, crops and flips, seen in what it says and keeps.
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ConfigInput } from '../config/schema.ts';
import type { EventOf } from '../events.ts';
import { writePng } from '../pictures/png.ts';
import { createTrial, writeTinyPictures, type Trial } from '../testing/index.ts';
import { tinyMethod } from '../testing/tinyMethod.ts';
import { shrinkMask } from './encoding.ts';

describe('shrinkMask', () => {
  it('is the mean over the pixels of each latent', () => {
    const mask = Float32Array.from({ length: 16 }, (_, i) => (i < 8 && i % 4 < 2 ? 1 : i === 15 ? 0.4 : 0));
    const shrunk = shrinkMask(mask, 4, 2);
    expect([...shrunk].map((value) => Number(value.toFixed(6)))).toEqual([1, 0, 0, 0.1]);
  });
});

interface Seen {
  readonly loaded: EventOf<'dataset-loaded'>;
  readonly losses: number[];
  /** Things of each kind in the run's own cache. */
  readonly latents: number;
  readonly texts: number;
}

let runs = 0;
async function run(trial: Trial, values: ConfigInput = {}): Promise<Seen> {
  const name = `run-${runs++}`;
  const cacheDir = join(trial.folder, `${name}-cache`);
  const events = await trial.run({
    outputDir: join(trial.folder, name),
    cacheDir,
    maxTrainSteps: 2,
    ...values,
  });
  const cached = async (kind: string): Promise<number> =>
    (await readdir(join(cacheDir, 'store', kind))).length;
  return {
    loaded: events.find((event) => event.type === 'dataset-loaded')!,
    losses: events.flatMap((event) => (event.type === 'step' ? [event.loss] : [])),
    latents: await cached('latents'),
    texts: await cached('text-states'),
  };
}

describe('encoding', () => {
  it('takes captions as prompts, unless told not to', async () => {
    const trial = await createTrial({ plugins: [tinyMethod()] });
    const plain = await run(trial);
    expect(plain).toMatchObject({ loaded: { captions: 0, masks: 0 }, latents: 3, texts: 1 });
    await writeFile(join(trial.folder, 'pictures/0.txt'), 'something else entirely');
    const captioned = await run(trial);
    expect(captioned).toMatchObject({ loaded: { captions: 1 }, latents: 3, texts: 2 });
    expect(captioned.losses).not.toEqual(plain.losses);
    expect((await run(trial, { captions: false })).losses).toEqual(plain.losses);
  });

  it('weights the loss with masks', async () => {
    const trial = await createTrial({ plugins: [tinyMethod()] });
    const plain = await run(trial);
    for (const name of ['0', '1', '2']) {
      const half = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(51) };
      await writePng(join(trial.folder, `pictures/${name}.mask.png`), half);
    }
    const masked = await run(trial);
    expect(masked.loaded).toMatchObject({ masks: 3, pictures: plain.loaded.pictures });
    // 51 of 255: a fifth everywhere, so a fifth of the loss of the first step
    expect(masked.losses[0]! / plain.losses[0]!).toBeCloseTo(51 / 255, 5);
  });

  it('keeps several crops and flips of a picture where there are any', async () => {
    const trial = await createTrial({ plugins: [tinyMethod({ numClassImages: 2 })] });
    // Square pictures have one crop; so have class pictures.
    expect((await run(trial, { centerCrop: false })).latents).toBe(3 + 2);
    await writeTinyPictures(join(trial.folder, 'pictures'), { count: 3, width: 48, height: 32 });
    const centered = await run(trial);
    const cropped = await run(trial, { centerCrop: false });
    expect(centered.latents).toBe(3 + 2);
    expect(cropped.latents).toBe(3 * 4 + 2);
    expect(cropped.losses).not.toEqual(centered.losses);
    expect((await run(trial, { centerCrop: false })).losses).toEqual(cropped.losses);
    expect((await run(trial, { randomFlip: true })).latents).toBeGreaterThan(3 + 2);
  });
});
