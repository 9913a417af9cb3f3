// Stage 2: pictures of the class, made by the base model before it learns anything (Ruiz et al. 2022, section 3.2).
// Batches of fixed shape are cached one by one under everything that made them, so a run that was interrupted goes on
// where it stopped, runs share them, and pictures of another model, prompt or sampler are never taken for these.
import { join } from 'node:path';
import { loadDataset, type DatasetItem } from '../data/dataset.ts';
import { findPictures } from '../data/pictureFiles.ts';
import type { GeneratedPrior, Stage } from '../contracts.ts';
import { writePng } from '../pictures/png.ts';
import { samplePictures, type SamplerSettings } from '../sampling/samplePictures.ts';
import { pictureOptions } from './dataset.ts';
import { progressReporter, type RunState } from './run.ts';

export interface ClassPictures {
  readonly prompt: string;
  readonly items: readonly DatasetItem[];
}

export const priorGenerationStage: Stage<GeneratedPrior, ClassPictures, RunState> = {
  name: 'prior',
  async run(request, state) {
    const { classDataDir, numClassImages, classPrompt } = request;
    const own =
      classDataDir === undefined
        ? []
        : (await findPictures(classDataDir, '.mask.png')).files.map(({ path }) => path);
    const made = await generateMissing(request, state, Math.max(0, numClassImages - own.length));
    if (classDataDir !== undefined && made.length === 0)
      state.emit({ type: 'prior-reused', pictures: own.length, folder: classDataDir });
    const { items, warnings } = await loadDataset({
      ...pictureOptions(state.config),
      source: [...own, ...made],
    });
    for (const { code, text } of warnings)
      state.emit({ type: 'warning', code, text: `class pictures: ${text}` });
    return { prompt: classPrompt, items };
  },
};

/** Paths of the first `count` generated class pictures; those of whole batches that are cached are not made again. */
async function generateMissing(request: GeneratedPrior, state: RunState, count: number): Promise<string[]> {
  if (count === 0) return [];
  const { model, config, cache, emit, signal, machine, pictures, base } = state;
  const identity = state.identityOf({ ...base });
  const settings: SamplerSettings = {
    sampler: request.sampler ?? config.sampler,
    numInferenceSteps: request.numInferenceSteps ?? config.numInferenceSteps,
    guidanceScale: request.guidanceScale ?? config.guidanceScale,
  };
  const { batchSize } = pictures;
  const batches = Math.ceil(count / batchSize);
  const report = progressReporter(state, 'prior', 'pictures');
  const paths: string[] = [];
  let generated = 0;
  let folder = '';
  for (let batch = 0; batch < batches; batch++) {
    const requests = Array.from({ length: batchSize }, (_, i) => ({
      prompt: request.classPrompt,
      seed: config.seed + batch * batchSize + i,
    }));
    const made = { model: model.fingerprint, ...settings, requests, pictures, identity };
    folder = await cache.getOrCreate(
      'class-pictures',
      made,
      async (target) => {
        const onProgress = (done: number, total: number): void => {
          report((batch + done / total) * batchSize, count);
        };
        const sampled = samplePictures({
          program: machine.program,
          functions: base,
          model,
          shape: pictures,
          settings,
          requests,
          onProgress,
          signal,
        });
        for await (const { index, image, prompt, seed } of sampled) {
          generated++;
          await writePng(join(target, `${index}.png`), image, { parameters: `${prompt}\nSeed: ${seed}` });
        }
      },
      signal,
    );
    for (let i = 0; i < batchSize && paths.length < count; i++) {
      const path = join(folder, `${i}.png`);
      paths.push(path);
      if (generated > 0) emit({ type: 'prior-image', done: paths.length, total: count, path });
    }
    signal.throwIfAborted();
  }
  if (generated === 0) emit({ type: 'prior-reused', pictures: count, folder });
  return paths;
}
