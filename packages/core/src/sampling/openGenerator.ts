// Pictures from one model under changing adapters: the base's weights are loaded once, and every program made of the
// model as it is at the moment shares them.
import { compile, defaultThreads, type InstallProgress, type Mode } from '@likeness/engine';
import type { DiffusionModel } from '../contracts.ts';
import type { Warning } from '../errors.ts';
import { baseModel } from '../model/baseModel.ts';
import { startMachine } from '../training/machine.ts';
import { longPrompts } from './longPrompts.ts';
import { decodeLatents, encodePrompt, predict, predictGuided } from './pictureFunctions.ts';
import {
  samplePictures,
  type PictureRequest,
  type SampledPicture,
  type SamplerSettings,
} from './samplePictures.ts';

export interface GeneratorOptions {
  readonly model: DiffusionModel;
  /** Side of the pictures, pixels. Default: the model's. */
  readonly resolution?: number;
  /** Pictures computed together; part of what decides their last bits. Default 4. */
  readonly batchSize?: number;
  readonly mode?: Mode;
  readonly threads?: number;
  readonly onInstallProgress?: (progress: InstallProgress) => void;
}

export interface PicturesAsked extends SamplerSettings {
  /** Prompt and seed of each picture, in order. */
  readonly prompts: readonly PictureRequest[];
  /** Values of variables that the model's files do not hold: of adapters attached to it, of new words. */
  readonly initialValues?: ReadonlyMap<string, Float32Array>;
  /** Sampler steps done of all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Told of prompts that are cut off, and of pictures that show that something is wrong with the model. */
  readonly onWarning?: (warning: Warning) => void;
  readonly signal?: AbortSignal;
}

export interface Generator {
  /**
   * Makes pictures with the model as it is now, one after the other; each depends on its prompt and seed, not on its
   * place. What is attached stays attached until the last picture has come.
   */
  generate(asked: PicturesAsked): AsyncGenerator<SampledPicture>;
  close(): Promise<void>;
}

/**
 * Opens a model for making pictures. Between two calls of `generate` adapters may be attached and detached: that costs
 * a new trace, and under XLA a new compilation, but no weight of the base is read again.
 */
export async function openGenerator({
  model,
  resolution = model.resolution,
  batchSize = 4,
  mode = 'auto',
  threads = defaultThreads(),
  onInstallProgress,
}: GeneratorOptions): Promise<Generator> {
  const shape = { resolution, batchSize };
  const settings = { precision: 'fp32', gradientCheckpointing: false } as const;
  const never = { expectedRuns: 0 } as const;
  const bare = baseModel(model);
  const base = await startMachine(
    { model, threads, mode: 'graph', ...settings, ...(onInstallProgress ? { onInstallProgress } : {}) },
    {
      encodePrompt: { definition: encodePrompt(bare), ...never },
      predict: { definition: predict(bare, shape), ...never },
      decodeLatents: { definition: decodeLatents(bare, shape), ...never },
    },
  );

  async function* generate(asked: PicturesAsked): AsyncGenerator<SampledPicture> {
    const { prompts, numInferenceSteps, guidanceScale, initialValues, onProgress, onWarning, signal } = asked;
    for (const warning of longPrompts(model.tokenizer, asked, prompts)) onWarning?.(warning);
    const batches = Math.ceil(prompts.length / batchSize);
    const predicts = guidanceScale > 1 ? 'predictGuided' : 'predict';
    const program = await compile(
      {
        encodePrompt: encodePrompt(model),
        [predicts]: (guidanceScale > 1 ? predictGuided : predict)(model, shape),
        decodeLatents: decodeLatents(model, shape),
      },
      {
        engine: base.engine,
        sharing: base.program,
        mode,
        ...settings,
        expectedRuns: {
          encodePrompt: new Set(prompts.map(({ prompt }) => prompt)).size,
          [predicts]: batches * numInferenceSteps,
          decodeLatents: batches,
        },
      },
    );
    try {
      if (initialValues && initialValues.size > 0) await program.write(initialValues);
      yield* samplePictures({
        program,
        model,
        shape,
        settings: asked,
        requests: prompts,
        ...(onProgress ? { onProgress } : {}),
        ...(onWarning ? { onWarning } : {}),
        ...(signal ? { signal } : {}),
      });
    } finally {
      await program.dispose();
    }
  }
  return { generate, close: base.close };
}
