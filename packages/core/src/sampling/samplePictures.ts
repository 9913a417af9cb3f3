// Text to pictures on a program that holds the functions of `pictureFunctions.ts`. Pictures are made in batches of
// fixed shape, each from its own seed, so a picture never depends on its neighbours or on what was made before.
import type { Program } from '@likeness/engine';
import type { DiffusionModel } from '../contracts.ts';
import { pixelsToImage } from '../pictures/float.ts';
import type { RgbImage } from '../data/rgbImage.ts';
import type { Warning } from '../errors.ts';
import { concatFloats } from '../training/batch.ts';
import {
  latentShapeOf,
  PICTURE_FUNCTIONS,
  type PictureFunctions,
  type PictureShape,
} from './pictureFunctions.ts';
import { pictureCheck, requireNumbers } from './checkPictures.ts';
import { applyTokenWeights, weightedTokens } from './promptWeights.ts';
import { pictureNoise, type NoiseSource } from './startNoise.ts';

/** How pictures are sampled. */
export interface SamplerSettings {
  readonly sampler: string;
  readonly numInferenceSteps: number;
  /** 1 or less: without guidance. */
  readonly guidanceScale: number;
  readonly negativePrompt?: string;
  readonly rng?: NoiseSource;
  /** Read `(word:1.2)` in prompts as weights; see `promptWeights.ts`. Default: brackets are text. */
  readonly promptWeighting?: boolean;
}

export interface PictureRequest {
  readonly prompt: string;
  readonly seed: number;
}

export interface SampledPicture extends PictureRequest {
  readonly index: number;
  readonly image: RgbImage;
}

export interface SampleOptions {
  readonly program: Program;
  /** Whose pictures: the base model's, or (default) those of the model as it stands. */
  readonly functions?: PictureFunctions;
  readonly model: DiffusionModel;
  readonly shape: PictureShape;
  readonly settings: SamplerSettings;
  readonly requests: readonly PictureRequest[];
  readonly onProgress?: (stepsDone: number, stepsTotal: number) => void;
  /** Told of pictures that show that something is wrong with the model, once of each kind. */
  readonly onWarning?: (warning: Warning) => void;
  readonly signal?: AbortSignal;
}

/**
 * Makes the pictures asked for, in order.
 * @throws WeightsError when the model computes NaN
 */
export async function* samplePictures(options: SampleOptions): AsyncGenerator<SampledPicture> {
  const { program, shape, requests, onProgress, signal, functions = PICTURE_FUNCTIONS } = options;
  const { resolution, batchSize } = shape;
  const pixels = resolution * resolution * 3;
  const check = pictureCheck((warning) => options.onWarning?.(warning));
  const states = new Map<string, Float32Array>();
  const encode = async (prompt: string): Promise<Float32Array> => {
    const known = states.get(prompt);
    if (known) return known;
    const encoded = await encodeText(options, prompt);
    states.set(prompt, encoded);
    return encoded;
  };
  const batches = Math.ceil(requests.length / batchSize);
  for (let batch = 0; batch < batches; batch++) {
    const asked = requests.slice(batch * batchSize, (batch + 1) * batchSize);
    const [first] = asked;
    if (first === undefined) return;
    // A batch that is not full repeats its first picture: its shape, and so its bits, stay the same.
    const rows = Array.from({ length: batchSize }, (_, i) => asked[i] ?? first);
    const latents = await sampleBatch(options, rows, encode, (step, total) =>
      onProgress?.(batch * total + step, batches * total),
    );
    const decoded = (await program.run(functions.decodeLatents, { latents }))['pixels'] as Float32Array;
    for (const [i, request] of asked.entries()) {
      const values = decoded.subarray(i * pixels, (i + 1) * pixels);
      requireNumbers(values, options.model.source);
      const image = pixelsToImage(values, resolution, resolution);
      check(image, request.seed);
      yield { ...request, index: batch * batchSize + i, image };
    }
    signal?.throwIfAborted();
  }
}

/** Hidden states `[T, D]` of a prompt, weighted where that is asked for. */
async function encodeText(
  { program, functions = PICTURE_FUNCTIONS, model: { tokenizer }, settings }: SampleOptions,
  prompt: string,
): Promise<Float32Array> {
  const weighted = settings.promptWeighting ? weightedTokens(tokenizer, prompt) : undefined;
  const inputIds = weighted?.ids ?? tokenizer.encodePadded(prompt);
  const hiddenStates = (await program.run(functions.encodePrompt, { inputIds }))[
    'hiddenStates'
  ] as Float32Array;
  return weighted ? applyTokenWeights(hiddenStates, weighted.weights) : hiddenStates;
}

async function sampleBatch(
  { program, functions = PICTURE_FUNCTIONS, model, shape, settings, signal }: SampleOptions,
  rows: readonly PictureRequest[],
  encode: (prompt: string) => Promise<Float32Array>,
  onStep: (step: number, total: number) => void,
): Promise<Float32Array> {
  const { sampler, numInferenceSteps, guidanceScale, negativePrompt = '', rng = 'philox' } = settings;
  const latentShape = latentShapeOf(model, shape.resolution);
  const noise = rows.map(({ seed }) => pictureNoise(seed, latentShape, rng));
  const hiddenStates = concatFloats(await Promise.all(rows.map(({ prompt }) => encode(prompt))));
  const guided = guidanceScale > 1;
  const negative = guided ? await encode(negativePrompt) : undefined;
  const constant = negative && {
    negativeHiddenStates: concatFloats(rows.map(() => negative)),
    guidanceScale: Float32Array.of(guidanceScale),
  };
  return model.sample({
    sampler,
    numInferenceSteps,
    latents: concatFloats(noise.map(({ start }) => start)),
    noise: (step) => concatFloats(noise.map((picture) => picture.step(step))),
    denoise: async (latents, timestep) => {
      const feeds = { latents, timestep: Float32Array.of(timestep), hiddenStates, ...constant };
      const { prediction } = await program.run(guided ? functions.predictGuided : functions.predict, feeds);
      return prediction as Float32Array;
    },
    onStep,
    ...(signal ? { signal } : {}),
  });
}
