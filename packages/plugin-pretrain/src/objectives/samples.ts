// Pictures from prompts, the same prompts and seeds every time.
import {
  ConfigError,
  decodeLatents,
  encodePrompt,
  predict,
  predictGuided,
  samplePictures,
  type PlannedFunction,
  type Program,
  type SampledPicture,
} from '@likeness/core';
import type { PictureStore } from '../data/pictureStore.ts';
import { planned, type Look } from '../objective.ts';
import type { ModelSetting } from '../stages/context.ts';

/** Prompts where nobody names any: captions of so many held-out pictures. */
const CAPTION_PROMPTS = 8;
/** Looks of a run, roughly: decides only how the functions are compiled. */
const LOOKS = 10;

export interface PictureSampler {
  /** Whether the sampler runs on the model's schedule, before anything long starts. @throws ConfigError when not */
  check(): Promise<void>;
  readonly functions: Readonly<Record<string, PlannedFunction>>;
  look(program: Program): Promise<Look>;
}

export function pictureSampler(
  { model, config, resolution, emit }: ModelSetting,
  pictures: PictureStore,
): PictureSampler {
  const { numSamples, numInferenceSteps, guidanceScale } = config;
  const sampler = config.sampler ?? model.recommended.sampler ?? model.samplers[0] ?? '';
  if (!model.samplers.includes(sampler))
    throw new ConfigError('no such sampler', {
      code: 'sampler/unknown',
      where: 'sampler',
      expected: model.samplers.join(', '),
      got: sampler,
    });
  const prompts = samplePrompts(config.samplePrompts, pictures);
  const shape = { resolution, batchSize: numSamples };
  const guided = guidanceScale > 1;
  return {
    // A walk over one number: what refuses the schedule refuses it here.
    check: async () => {
      const zero = (): Float32Array => new Float32Array(1);
      await model.sample({
        sampler,
        numInferenceSteps,
        latents: zero(),
        noise: zero,
        denoise: async () => zero(),
      });
    },
    functions: {
      encodePrompt: planned(encodePrompt(model), prompts.length),
      [guided ? 'predictGuided' : 'predict']: planned(
        (guided ? predictGuided : predict)(model, shape),
        LOOKS * prompts.length * numInferenceSteps,
      ),
      decodeLatents: planned(decodeLatents(model, shape), LOOKS * prompts.length),
    },
    async look(program) {
      const requests = prompts.flatMap((prompt) =>
        Array.from({ length: numSamples }, (_, i) => ({ prompt, seed: config.seed + i })),
      );
      const samples: SampledPicture[] = [];
      const sampled = samplePictures({
        program,
        model,
        shape,
        settings: { sampler, numInferenceSteps, guidanceScale },
        requests,
        onProgress: (done, total) => {
          emit({ type: 'progress', stage: 'sampling', done, total, unit: 'steps' });
        },
      });
      for await (const picture of sampled) samples.push(picture);
      const rows = prompts.map((prompt) => ({
        label: prompt,
        pictures: samples.filter((picture) => picture.prompt === prompt).map(({ image }) => image),
      }));
      return { rows, samples };
    },
  };
}

export function samplePrompts(
  named: readonly string[] | undefined,
  { pictures, heldOut, training }: PictureStore,
): string[] {
  const numbers = heldOut.length > 0 ? heldOut : training;
  const captions = numbers.flatMap((number) => pictures[number]?.caption ?? []);
  return named === undefined ? [...new Set(captions)].slice(0, CAPTION_PROMPTS) : [...named];
}
