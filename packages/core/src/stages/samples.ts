// Sample pictures of a run: the same prompts and seeds every time, laid out beside the instance pictures.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SamplePicture } from '../contracts.ts';
import type { Dataset } from '../data/dataset.ts';
import type { RgbImage } from '../data/rgbImage.ts';
import { pixelsToImage } from '../pictures/float.ts';
import { writePng } from '../pictures/png.ts';
import { writeSheet } from '../pictures/sheet.ts';
import { samplePictures } from '../sampling/samplePictures.ts';
import { progressReporter, type RunState } from './run.ts';

/** Instance pictures on a sheet: with thousands no viewer opens it. */
const ON_SHEET = 32;

export interface WrittenSamples {
  /** Path of the sheet. */
  readonly sheet: string;
  readonly pictures: readonly SamplePicture[];
  /** The instance pictures as the model sees them. */
  readonly instance: readonly RgbImage[];
}

export async function writeSamples(state: RunState, dataset: Dataset, step: number): Promise<WrittenSamples> {
  const { config, model, machine, pictures, folder, emit, signal } = state;
  const { samplePrompts, numSamples, seed, sampler, numInferenceSteps, guidanceScale, rng, resolution } =
    config;
  const target = folder.samplesFolder(step);
  await mkdir(target, { recursive: true });
  const requests = samplePrompts.flatMap((prompt) =>
    Array.from({ length: numSamples }, (_, i) => ({ prompt, seed: seed + i })),
  );
  const report = progressReporter(state, 'sampling', 'steps');
  const written: { path: string; prompt: string; seed: number; image: RgbImage }[] = [];
  const sampled = samplePictures({
    program: machine.program,
    model,
    shape: pictures,
    settings: { sampler, numInferenceSteps, guidanceScale, rng },
    requests,
    onProgress: (done, total) => {
      report(done, total, `samples at step ${step}`);
    },
    onWarning: ({ code, text }) => {
      emit({ type: 'warning', code, text: `samples at step ${step}: ${text}`, step });
    },
    signal,
  });
  for await (const { index, prompt, seed: pictureSeed, image } of sampled) {
    const path = join(target, `${String(index).padStart(2, '0')}-${slug(prompt)}-seed${pictureSeed}.png`);
    await writePng(path, image, { parameters: `${prompt}\nSeed: ${pictureSeed}` });
    written.push({ path, prompt, seed: pictureSeed, image });
  }
  const instance: RgbImage[] = [];
  for (const item of state.watch ? dataset.items : dataset.items.slice(0, ON_SHEET))
    instance.push(pixelsToImage((await item.pixels()).pixels, resolution, resolution));
  const sheet = join(target, 'sheet.png');
  await writeSheet(
    sheet,
    [
      { label: 'instance pictures', pictures: instance.slice(0, ON_SHEET) },
      ...samplePrompts.map((prompt) => ({
        label: prompt,
        pictures: written.filter((picture) => picture.prompt === prompt).map(({ image }) => image),
      })),
    ],
    { title: `${config.recipe}, step ${step}` },
  );
  emit({
    type: 'samples-written',
    step,
    sheet,
    pictures: written.map(({ path, prompt, seed: pictureSeed }) => ({ path, prompt, seed: pictureSeed })),
  });
  return { sheet, pictures: written, instance };
}

/** A prompt as part of a file name. */
const slug = (prompt: string): string =>
  prompt
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/-$/, '');
