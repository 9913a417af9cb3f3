// StableDiffusionPipeline end to end from given latents, with guidance, against a folder of reference numbers:
// prompt → ids → text states → latents of every step → picture. The folder's format: fixtures/README.md, `sampling/`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compile, ConfigError, defineFunction, float32, int32, type Program } from '@likeness/engine';
import { z } from 'zod';
import { samplerForConfig, type Denoise } from '../samplers/index.ts';
import { createNoiseSchedule } from '../schedule/index.ts';
import { loadTokenizer } from '../tokenizer/index.ts';
import { compareArrays, notCovered, type Comparison } from './comparison.ts';
import { fixtureTensor, readFixture, type FixtureTensor } from './fixtureFile.ts';
import type { ParityModel, ParityRuntime } from './parityModel.ts';
import { toChannelsFirst, toChannelsLast } from './pixelLayout.ts';
import { withRounding } from './rounding.ts';

const description = z.object({
  config: z.object({
    prompt: z.string(),
    negative_prompt: z.string().default(''),
    guidance_scale: z.number(),
    steps: z.int().positive(),
  }),
  schedulers: z.record(
    z.string(),
    z.object({
      config: z.looseObject({ class: z.string(), init_noise_sigma: z.number().optional() }),
      fp32_vs_fp64_max_abs: z.record(z.string(), z.number()).default({}),
    }),
  ),
  tolerance: z.object({ rtol: z.number(), atol: z.number() }),
});
type Description = z.infer<typeof description>;
type Pipeline = Program<'encode' | 'predict' | 'decode'>;

const EXACT = { atol: 0, rtol: 0 };
const STOCHASTIC = new Set(['DDPMScheduler', 'EulerAncestralDiscreteScheduler']);
/** Timesteps between the trained ones (euler, linspace) are float32 in the reference. */
const TIMESTEP_TOLERANCE = { atol: 0, rtol: 1e-6 };

/** All comparisons of a `sampling` folder; samplers that are not built come as `notCovered`. */
export async function* checkSampling(
  folder: string,
  model: ParityModel,
  runtime: ParityRuntime,
): AsyncIterable<Comparison> {
  // Python writes infinity as a bare word.
  const text = (await readFile(join(folder, 'sampling.json'), 'utf8')).replace(
    /:\s*(-?Infinity)\b/g,
    ': "$1"',
  );
  const described = description.parse(JSON.parse(text));
  const tensors = await readFixture(join(folder, 'sampling.safetensors'));
  const want = (name: string): FixtureTensor =>
    fixtureTensor(tensors, name, join(folder, 'sampling.safetensors'));
  const initial = want('initial_latents');
  const tokenizer = await loadTokenizer(model.files.tokenizer.files, model.files.tokenizer.settings);
  const { prompt, negative_prompt: negativePrompt } = described.config;
  const ids = Int32Array.from([negativePrompt, prompt].flatMap((line) => [...tokenizer.encodePadded(line)]));

  const pipeline = await compilePipeline(model, runtime, initial.shape, tokenizer.modelMaxLength);
  await model.load(pipeline);
  for (const [name, scheduler] of Object.entries(described.schedulers)) {
    const reason = whyNotCovered(scheduler.config);
    if (reason === undefined)
      yield* checkScheduler(name, scheduler, described, { pipeline, ids, want, initial, model });
    else yield notCovered(name, reason);
  }
  await pipeline.dispose();
}

function compilePipeline(
  { networks: { unet, vae, textEncoder } }: ParityModel,
  { engine, mode }: ParityRuntime,
  [batch = 1, channels = 1, height = 1, width = 1]: readonly number[],
  tokens: number,
): Promise<Pipeline> {
  const guided = 2 * batch;
  const encode = defineFunction({ ids: int32(2, tokens) }, (inputs) => ({
    states: textEncoder.forward(textEncoder.parameters, inputs.ids).lastHiddenState,
  }));
  const predict = defineFunction(
    {
      latents: float32(guided, height, width, channels),
      timesteps: float32(guided),
      text: float32(guided, tokens, textEncoder.config.hiddenSize),
    },
    ({ latents, timesteps, text }) => ({ out: unet.forward(unet.parameters, latents, timesteps, text) }),
  );
  const decode = defineFunction({ latents: float32(batch, height, width, channels) }, ({ latents }) => ({
    pixels: vae.forward.decode(vae.parameters, latents),
  }));
  return compile({ encode, predict, decode }, { engine, mode });
}

/** Samplers that are not built, and those whose noise a folder cannot hold. */
function whyNotCovered({
  class: className,
  ...config
}: Description['schedulers'][string]['config']): string | undefined {
  if (STOCHASTIC.has(className)) return 'draws noise in every step that the folder does not hold';
  try {
    samplerForConfig({ ...config, _class_name: className });
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return `${className} is not built`;
    throw error;
  }
}

interface Inputs {
  readonly pipeline: Pipeline;
  readonly ids: Int32Array;
  readonly initial: FixtureTensor;
  readonly model: ParityModel;
  readonly want: (name: string) => FixtureTensor;
}

async function* checkScheduler(
  name: string,
  {
    config: { class: className, init_noise_sigma: _, ...config },
    fp32_vs_fp64_max_abs: rounding,
  }: Description['schedulers'][string],
  { config: { guidance_scale: guidanceScale, steps }, tolerance }: Description,
  { pipeline, ids, want: wantTensor, initial, model }: Inputs,
): AsyncIterable<Comparison> {
  const want = (key: string): FixtureTensor => wantTensor(`${name}.${key}`);
  const compare = (key: string, got: ArrayLike<number>): Comparison =>
    compareArrays(`${name}.${key}`, got, want(key).data, withRounding(tolerance, rounding[key]));
  const schedule = createNoiseSchedule({ ...withoutBookkeeping(config), _class_name: className }, name);
  const sampler = samplerForConfig(schedule.config, name);

  yield compareArrays(`${name}.input_ids`, ids, want('input_ids').data, EXACT);
  const { states = new Float32Array() } = await pipeline.run('encode', { ids });
  yield compare('prompt_embeds', states);
  const timesteps = sampler.timesteps(schedule, steps);
  yield compareArrays(`${name}.timesteps`, timesteps, want('timesteps').data, TIMESTEP_TOLERANCE);

  const [batch = 1] = initial.shape;
  const text = repeatRows(states, 2, batch);
  const denoise: Denoise = async (sample, timestep) => {
    const latents = new Float32Array(2 * sample.length);
    latents.set(sample);
    latents.set(sample, sample.length);
    const timestepRow = new Float32Array(2 * batch).fill(timestep);
    const { out = new Float32Array() } = await pipeline.run('predict', {
      latents,
      timesteps: timestepRow,
      text,
    });
    const [negative, positive] = [out.subarray(0, sample.length), out.subarray(sample.length)];
    return sample.map(
      (__, i) => (negative[i] ?? NaN) + guidanceScale * ((positive[i] ?? NaN) - (negative[i] ?? NaN)),
    );
  };
  const sigma = Math.fround(sampler.initNoiseSigma(schedule, steps));
  const start = toChannelsLast(initial.data, initial.shape).map((value) => value * sigma);
  const perStep: number[] = [];
  const latents = await sampler.sample(denoise, start, {
    schedule,
    numInferenceSteps: steps,
    onStep: (__, sample) => perStep.push(...toChannelsFirst(sample, initial.shape)),
  });
  yield compare('latents_per_step', perStep);
  yield compare('final_latents', toChannelsFirst(latents, initial.shape));

  const { scalingFactor } = model.networks.vae.config;
  const { pixels = new Float32Array() } = await pipeline.run('decode', {
    latents: latents.map((value) => value / Math.fround(scalingFactor)),
  });
  const decoded = toChannelsFirst(pixels, want('decoded').shape);
  yield compare('decoded', decoded);
  yield compare(
    'image',
    decoded.map((value) => Math.min(Math.max(value / 2 + 0.5, 0), 1)),
  );
}

/** A config in memory holds entries that diffusers leaves out of files. */
function withoutBookkeeping(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([field]) => !field.startsWith('_')));
}

/** Each of `rows` equal rows `times` times, one after another. */
function repeatRows(data: ArrayLike<number>, rows: number, times: number): Float32Array {
  const width = data.length / rows;
  return Float32Array.from({ length: data.length * times }, (_, i) => {
    const row = Math.floor(i / (width * times));
    return data[row * width + (i % width)] ?? NaN;
  });
}
