// Stage 2: pictures of the class, made by the base model before it learns anything (Ruiz et al. 2022, section 3.2).
// Batches of fixed shape are cached one by one under everything that made them, so a run that was interrupted goes on
// where it stopped, runs share them, and pictures of another model, prompt or sampler are never taken for these.
import { join } from 'node:path';
import type { ResolvedConfig } from '../config/resolveConfig.ts';
import { loadDataset, type Dataset, type DatasetItem } from '../data/dataset.ts';
import { DataError, WeightsError } from '../errors.ts';
import type { GeneratedPrior, Stage } from '../contracts.ts';
import { writePng } from '../pictures/png.ts';
import { samplePictures, type SamplerSettings } from '../sampling/samplePictures.ts';
import { pictureOptions } from './dataset.ts';
import { progressReporter, type RunState } from './run.ts';

export interface ClassPictures {
  readonly prompt: string;
  readonly items: readonly DatasetItem[];
}

/** What the stage is asked for: the plugin's request, and the user's own pictures where there are some. */
export interface PriorInput {
  readonly request: GeneratedPrior;
  /** Of `ownClassPictures`. */
  readonly own: Dataset | undefined;
}

const CALLED = 'class pictures';

/**
 * The user's own class pictures, checked before anything is loaded or made. An empty folder is filled up.
 * @throws DataError naming the folder and everything wrong with its pictures
 */
export async function ownClassPictures(
  { classDataDir }: GeneratedPrior,
  config: ResolvedConfig,
): Promise<Dataset | undefined> {
  if (classDataDir === undefined) return undefined;
  const options = { ...pictureOptions(config), called: CALLED, captions: false, minPictures: 0 };
  return loadDataset({ ...options, source: classDataDir });
}

export const priorGenerationStage: Stage<PriorInput, ClassPictures, RunState> = {
  name: 'prior',
  async run({ request, own }, state) {
    const { classDataDir, numClassImages, classPrompt } = request;
    const { items = [], warnings = [] } = own ?? {};
    for (const { code, text } of warnings) state.emit({ type: 'warning', code, text: `${CALLED}: ${text}` });
    const paths = await generateMissing(request, state, Math.max(0, numClassImages - items.length));
    if (classDataDir !== undefined && paths.length === 0)
      state.emit({ type: 'prior-reused', pictures: items.length, folder: classDataDir });
    const made = await madePictures(paths, state);
    return { prompt: classPrompt, items: [...items, ...made].toSorted(byPath) };
  },
};

/** As one folder of all of them would be read. */
const byPath = (a: DatasetItem, b: DatasetItem): number =>
  Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));

/** The pictures the model made. @throws WeightsError when it draws the same again and again */
async function madePictures(paths: readonly string[], state: RunState): Promise<readonly DatasetItem[]> {
  if (paths.length === 0) return [];
  try {
    const options = { ...pictureOptions(state.config), called: CALLED, captions: false };
    const { items } = await loadDataset({ ...options, source: paths });
    return items;
  } catch (error) {
    if (!(error instanceof DataError) || error.code !== 'data/same-picture') throw error;
    throw drawsTheSame(state.model.source, error);
  }
}

function drawsTheSame(source: string, cause?: unknown): WeightsError {
  return new WeightsError('the model draws the same picture whatever the seed', {
    code: 'model/draws-the-same',
    where: source,
    expected: 'class pictures that differ',
    got: 'equal pixels for different seeds',
    hint: 'look at what it draws (pipeline generate): its weights may be damaged; download or export it again, or give class pictures of your own (--class-data-dir)',
    cause,
  });
}

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
          onWarning: (warning) => {
            // Before hundreds are made of it, and nothing is kept.
            if (warning.code === 'model/same-pictures') throw drawsTheSame(model.source);
            emit({ type: 'warning', ...warning });
          },
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
