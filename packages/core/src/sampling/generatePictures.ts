// Pictures from a model as it is: what `pipeline generate` and examples call.
import { defaultThreads, type InstallProgress, type Mode } from '@likeness/engine';
import type { DiffusionModel } from '../contracts.ts';
import { startMachine } from '../training/machine.ts';
import { decodeLatents, encodePrompt, predict, predictGuided } from './pictureFunctions.ts';
import {
  samplePictures,
  type PictureRequest,
  type SampledPicture,
  type SamplerSettings,
} from './samplePictures.ts';

export interface GenerateOptions extends SamplerSettings {
  readonly model: DiffusionModel;
  /** Prompt and seed of each picture, in order. */
  readonly prompts: readonly PictureRequest[];
  /** Side of the pictures, pixels. Default: the model's. */
  readonly resolution?: number;
  /** Pictures computed together; part of what decides their last bits. Default 4. */
  readonly batchSize?: number;
  readonly mode?: Mode;
  readonly threads?: number;
  /** Values of variables that the model's files do not hold: adapters attached to it. */
  readonly initialValues?: ReadonlyMap<string, Float32Array>;
  readonly onInstallProgress?: (progress: InstallProgress) => void;
  /** Sampler steps done of all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Makes pictures one after the other; each depends on its prompt and seed, not on its place. */
export async function* generatePictures(options: GenerateOptions): AsyncGenerator<SampledPicture> {
  const {
    model,
    prompts,
    resolution = model.resolution,
    batchSize = 4,
    mode = 'auto',
    threads = defaultThreads(),
  } = options;
  const { numInferenceSteps, guidanceScale, initialValues, onInstallProgress, onProgress, signal } = options;
  const shape = { resolution, batchSize };
  const batches = Math.ceil(prompts.length / batchSize);
  const guided = guidanceScale > 1;
  const machine = await startMachine(
    {
      model,
      threads,
      mode,
      precision: 'fp32',
      gradientCheckpointing: false,
      ...(onInstallProgress ? { onInstallProgress } : {}),
    },
    {
      encodePrompt: { definition: encodePrompt(model), expectedRuns: prompts.length },
      [guided ? 'predictGuided' : 'predict']: {
        definition: (guided ? predictGuided : predict)(model, shape),
        expectedRuns: batches * numInferenceSteps,
      },
      decodeLatents: { definition: decodeLatents(model, shape), expectedRuns: batches },
    },
  );
  try {
    if (initialValues && initialValues.size > 0) await machine.program.write(initialValues);
    yield* samplePictures({
      program: machine.program,
      model,
      shape,
      settings: options,
      requests: prompts,
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
  } finally {
    await machine.close();
  }
}
