// What `npm run parity` compares, and in which order: cheap things first. A check runs when its files are in the
// folder.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkImages } from '@likeness/core';
import type { Comparison } from './comparison.ts';
import { checkEmbeddingFiles } from './embeddingFiles.ts';
import { checkForward } from './forward.ts';
import { checkLdmFile } from './ldm.ts';
import { checkLosses } from './losses.ts';
import { checkLrSchedules } from './lrSchedules.ts';
import { checkLoraFiles } from './loraFiles.ts';
import { checkLoraSteps } from './loraSteps.ts';
import { findModelFolder, isFile } from './modelFolder.ts';
import { openParityModel, type ParityModel, type ParityRuntime } from './parityModel.ts';
import { checkTorchRng } from './rng.ts';
import { checkSampling } from './sampling.ts';
import { checkSchedulers } from './schedulers.ts';
import { checkTextualInversion } from './textualInversion.ts';
import { checkTokenizer } from './tokenizer.ts';
import { checkTrainSteps } from './trainSteps.ts';

/** A fixtures folder being checked. */
interface Fixtures {
  readonly folder: string;
  /** Opened and started when a check first asks for it. */
  readonly model: () => Promise<ParityModel>;
  readonly runtime: () => Promise<ParityRuntime>;
}

interface Check {
  readonly title: string;
  /** File that is there when the check can run, from the fixtures folder. `*` stands for one folder of any name. */
  readonly needs: string;
  /** @param place the folder of the file that `needs` names */
  run(fixtures: Fixtures, place: string): AsyncIterable<Comparison>;
}

const CHECKS: readonly Check[] = [
  { title: 'tokenizer', needs: 'tokenizer-cases.json', run: ({ folder }) => checkTokenizer(folder) },
  { title: 'random numbers', needs: 'torch-rng/torch-rng.json', run: (_, place) => checkTorchRng(place) },
  {
    title: 'image transforms',
    needs: 'image-transform/image-transform.json',
    run: (_, place) => checkImages(place),
  },
  {
    title: 'schedulers and samplers',
    needs: 'schedulers/schedulers.json',
    run: (_, place) => checkSchedulers(place),
  },
  {
    title: 'learning-rate schedules',
    needs: 'train-steps/lr-schedules.json',
    run: (_, place) => checkLrSchedules(place),
  },
  {
    title: 'single-file checkpoint',
    needs: 'ldm-checkpoint/ldm-checkpoint.json',
    run: ({ folder }) => checkLdmFile(folder),
  },
  {
    title: 'forward passes',
    needs: '*/forward.json',
    run: async function* ({ model, runtime }, place) {
      yield* checkForward(place, await model(), await runtime());
    },
  },
  {
    title: 'sampling',
    needs: 'sampling/sampling.json',
    run: async function* ({ model, runtime }, place) {
      yield* checkSampling(place, await model(), await runtime());
    },
  },
  {
    title: 'training losses',
    needs: 'losses/losses.json',
    run: async function* ({ model, runtime }, place) {
      yield* checkLosses(place, await model(), await runtime());
    },
  },
  {
    title: 'training steps of DreamBooth',
    needs: 'train-steps/dreambooth.json',
    run: async function* ({ folder, runtime }, place) {
      yield* checkTrainSteps(place, await findModelFolder(folder), await runtime());
    },
  },
  {
    title: 'training steps of LoRA',
    needs: 'train-steps/lora.json',
    run: async function* ({ folder, runtime }, place) {
      yield* checkLoraSteps(place, await findModelFolder(folder), await runtime());
    },
  },
  {
    title: 'LoRA files',
    needs: 'lora-files/lora-files.json',
    run: async function* ({ folder, runtime }, place) {
      yield* checkLoraFiles(place, await findModelFolder(folder), await runtime());
    },
  },
  {
    title: 'training steps of Textual Inversion',
    needs: 'train-steps/textual-inversion.json',
    run: async function* ({ folder, runtime }, place) {
      yield* checkTextualInversion(place, await findModelFolder(folder), await runtime());
    },
  },
  {
    title: 'embedding files',
    needs: 'ti-files/ti-files.json',
    run: async function* ({ folder, runtime }, place) {
      yield* checkEmbeddingFiles(place, await findModelFolder(folder), await runtime());
    },
  },
];

/** Reference numbers that tests of other packages are held against. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'evaluation/metrics.json': 'evaluation metrics: tests of packages/evaluation',
  'evaluation/encoders.json': 'image encoders: tests of packages/evaluation',
  'evaluation/lpips/lpips.json': 'perceptual distance: tests of packages/evaluation',
  'statistics/tests.json': 'statistics: tests of packages/ablation',
};

/** Something to report, in order. */
export type ParityEvent =
  | { readonly kind: 'check'; readonly title: string }
  | { readonly kind: 'comparison'; readonly comparison: Comparison }
  | { readonly kind: 'not covered'; readonly what: string };

/**
 * Runs every check whose files are in a fixtures folder. A check that cannot go on (a missing tensor, a model that is
 * refused) throws, since numbers that were never compared are no success.
 * @param startRuntime starts the engine; called once, when the first network runs
 */
export async function* runParity(
  folder: string,
  startRuntime: () => Promise<ParityRuntime>,
): AsyncIterable<ParityEvent> {
  const fixtures: Fixtures = {
    folder,
    model: once(async () => openParityModel(await findModelFolder(folder))),
    runtime: once(startRuntime),
  };
  for (const { title, needs, run } of CHECKS) {
    const place = await findPlace(folder, needs);
    if (place === undefined) continue;
    yield { kind: 'check', title };
    for await (const comparison of run(fixtures, place)) yield { kind: 'comparison', comparison };
  }
  for (const [path, what] of Object.entries(ELSEWHERE)) {
    if (await isFile(join(folder, path))) yield { kind: 'not covered', what: `${what} (${path})` };
  }
}

/** Folder of the file a check needs, or nothing. */
async function findPlace(folder: string, needs: string): Promise<string | undefined> {
  const slash = needs.lastIndexOf('/');
  const [parent, file] = slash < 0 ? ['', needs] : [needs.slice(0, slash), needs.slice(slash + 1)];
  const candidates = parent === '*' ? (await readdir(folder)).sort() : [parent];
  for (const candidate of candidates) {
    if (await isFile(join(folder, candidate, file))) return join(folder, candidate);
  }
  return undefined;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
